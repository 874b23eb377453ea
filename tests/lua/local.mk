# tests of src/lua
