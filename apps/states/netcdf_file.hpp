// How every variable of every NetCDF file is read: one set of rules for all subcommands.
#pragma once

#include <netcdf.h>

#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "papillon/tensor/tensor.hpp"

namespace papillon::apps {

// A file that is open. Throws InputError that begins with the path.
class NetcdfFile {
 public:
  // Refuses a classic file (NetCDF-3) that is shorter than its header says: the library would read
  // zeros beyond its end.
  explicit NetcdfFile(const std::filesystem::path& path);
  ~NetcdfFile();
  NetcdfFile(const NetcdfFile&) = delete;
  NetcdfFile& operator=(const NetcdfFile&) = delete;

  int id() const { return id_; }
  bool contains(const std::string& variable) const;
  [[noreturn]] void fail(const std::string& what) const;
  void check(int status) const;  // of a call of the netCDF library
  double bytes() const;          // of the file

 private:
  std::filesystem::path path_;
  int id_ = -1;
};

// What stands for no value, as NUG and CF have it (CF 1.10, section 2.5.1): _FillValue (where there
// is none, the type's default), each missing_value, and what lies outside valid_min, valid_max or
// valid_range (its ends are valid). All are converted to the variable's type before they are
// compared.
struct MissingValues {
  std::vector<double> marks;
  bool nan = false;  // is a mark, too
  double lowest = -std::numeric_limits<double>::infinity(),
         highest = std::numeric_limits<double>::infinity();

  bool contains(double value) const;
};

enum class Holes { refused, become_nan };

// Throws InputError that names the file, the variable and, where one value is the reason, the first
// such value by its place on each axis, from 0.
class NetcdfVariable {
 public:
  // Refused: no such variable, another number of dimensions (axes names them, for the message), a
  // type that is no number, a packed variable (scale_factor but 1, add_offset but 0), and
  // attributes that MissingValues cannot follow: text, valid_range beside valid_min or valid_max,
  // or empty.
  NetcdfVariable(const NetcdfFile& file, std::string name, const std::vector<std::string>& axes);

  // Refuses dimensions of other names than the constructor's axes.
  void require_axes() const;
  void require_floating_point() const;

  const Shape& shape() const { return shape_; }
  const std::string& axis(std::size_t i) const { return axes_[i]; }
  // The distance from this value to the next larger one of the variable's type; for integers, of
  // double, in which they are read.
  double spacing(double value) const;

  // All values. NaN or infinity that is no missing value is refused, and so is what needs more
  // memory than there is. Where holes are refused, a file shorter than its values is, too, before
  // memory is taken; only filters (compressors) can make one so short.
  template <class T>
  Tensor<T> read(Holes holes) const;

  // "'name' <what>", after the file's.
  [[noreturn]] void fail(const std::string& what) const;

 private:
  std::vector<double> numbers(const char* attribute) const;
  void refuse_packed() const;
  MissingValues missing_values() const;
  void check_size(double bytes_each, Holes holes) const;
  std::string place(std::size_t index) const;  // "member 0, time 3, component 2"
  template <class T>
  void mark_holes(Tensor<T>& values, Holes holes) const;

  const NetcdfFile& file_;
  std::string name_;
  std::vector<std::string> wanted_axes_, axes_;
  int id_ = 0;
  nc_type type_ = NC_NAT;
  Shape shape_;
  MissingValues missing_;
};

}  // namespace papillon::apps
