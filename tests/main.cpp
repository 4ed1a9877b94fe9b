// Catch's main and its implementation, compiled once for all test programs (Catch2 2 only).
#define CATCH_CONFIG_RUNNER
#include "catch.hpp"

int main(int argc, char** argv) {
  return Catch::Session().run(argc, argv);
}
