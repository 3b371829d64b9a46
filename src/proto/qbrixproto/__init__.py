"""Generated messages and stubs of the .proto files; `make proto` writes them."""
