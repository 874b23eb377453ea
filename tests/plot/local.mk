# tests of src/plot
