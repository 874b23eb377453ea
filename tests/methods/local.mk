# tests of src/methods
