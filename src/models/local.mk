# sources of src/models go into libassay
