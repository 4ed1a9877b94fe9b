// A NetCDF-4 file that is written, and appears when it is complete.
#pragma once

#include <netcdf.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "papillon/tensor/atomic_file.hpp"

namespace papillon::apps {

// Throws OutputError.
class NetcdfOutput {
 public:
  explicit NetcdfOutput(const std::filesystem::path& path);
  ~NetcdfOutput();
  NetcdfOutput(const NetcdfOutput&) = delete;
  NetcdfOutput& operator=(const NetcdfOutput&) = delete;

  int id() const { return id_; }
  void check(int status) const;  // of a call of the netCDF library
  int dimension(const char* name, std::size_t extent) const;
  int variable(const char* name, nc_type type, const std::vector<int>& axes,
               const char* long_name) const;
  // A variable of numbers without a unit, as Lorenz's are, float or double, where NaN is missing.
  int states(const char* name, nc_type type, const std::vector<int>& axes,
             const char* long_name) const;
  void text(int variable, const char* name, const std::string& value) const;
  // The file's own attributes: Conventions, source and these; no more definitions after them.
  void end_definitions(const std::map<std::string, std::string>& attributes) const;
  // first, first + 1, ... of a coordinate.
  void put_numbers(int variable, std::size_t count, std::size_t first) const;
  // (first + k) step of a coordinate.
  void put_times(int variable, std::size_t count, std::size_t first, double step) const;
  void commit();

 private:
  std::filesystem::path path_;
  AtomicFile file_;
  int id_ = 0;
  bool open_ = false;
};

}  // namespace papillon::apps
