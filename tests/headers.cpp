// Nothing of its own: CMake precompiles the headers that all tests share for a file that uses them.
#include "catch.hpp"
