"""The decision log as Parquet files; needs pyarrow, as ``qbrix-store[parquet]`` has."""
