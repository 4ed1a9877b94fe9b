// The exceptions that Papillon throws. The library never aborts and never prints.
#pragma once

#include <stdexcept>
#include <string>

namespace papillon {

// The base of all of them; what() is one line: what is wrong, where, and what would be right.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Shapes that do not fit an operation; names the operation and the shapes.
struct ShapeError : Error {
  using Error::Error;
};

// An argument outside its domain (a negative size, a noise head with zero terminal SNR, ...).
struct ArgumentError : Error {
  using Error::Error;
};

// A file or data set that is missing, malformed, or does not fit.
struct InputError : Error {
  using Error::Error;
};

// A file that could not be written (full disk, read-only directory, ...).
struct OutputError : Error {
  using Error::Error;
};

// A computation that failed numerically (NaN, divergence, a singular system).
struct NumericalError : Error {
  using Error::Error;
};

}  // namespace papillon
