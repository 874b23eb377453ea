# sources of src/methods go into libassay
