// Empty: CMake attaches the precompiled headers of all tests to a source.
#include "catch.hpp"
