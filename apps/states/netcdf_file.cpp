#include "papillon/apps/states/netcdf_file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <netcdf_filter.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include "papillon/apps/states/netcdf_classic.hpp"
#include "papillon/tensor/available_memory.hpp"
#include "papillon/tensor/errors.hpp"

namespace papillon::apps {
namespace {

// What the library fills a variable of this type with; for bytes that is no mark (NUG).
std::vector<double> default_fill(nc_type type) {
  switch (type) {
    case NC_SHORT:
      return {NC_FILL_SHORT};
    case NC_INT:
      return {NC_FILL_INT};
    case NC_FLOAT:
      return {static_cast<double>(NC_FILL_FLOAT)};
    case NC_DOUBLE:
      return {NC_FILL_DOUBLE};
    case NC_USHORT:
      return {NC_FILL_USHORT};
    case NC_UINT:
      return {NC_FILL_UINT};
    case NC_INT64:
      return {static_cast<double>(NC_FILL_INT64)};
    case NC_UINT64:
      return {static_cast<double>(NC_FILL_UINT64)};
    default:
      return {};
  }
}

// An attribute's value in the variable's type.
double converted(double value, nc_type type) {
  if (type != NC_FLOAT || !std::isfinite(value)) return value;
  if (std::abs(value) > static_cast<double>(std::numeric_limits<float>::max()))
    return std::copysign(std::numeric_limits<double>::infinity(), value);
  return static_cast<double>(static_cast<float>(value));
}

constexpr std::size_t block_size = 4096;

// Whether all are finite and none is missing: a loop for vector instructions.
template <class T>
bool all_present(const MissingValues& missing, std::span<const T> values) {
  constexpr auto largest = static_cast<double>(std::numeric_limits<T>::max());
  const auto low = static_cast<T>(std::clamp(missing.lowest, -largest, largest)),
             high = static_cast<T>(std::clamp(missing.highest, -largest, largest));
  unsigned absent = 0;
  for (const T value : values) absent |= static_cast<unsigned>(!(value >= low && value <= high));
  for (const double m : missing.marks) {
    const auto mark = static_cast<T>(m);
    for (const T value : values) absent |= static_cast<unsigned>(value == mark);
  }
  return absent == 0;
}

bool is_number(nc_type type) {
  return type >= NC_BYTE && type <= NC_UINT64 && type != NC_CHAR;
}

}  // namespace

NetcdfFile::NetcdfFile(const std::filesystem::path& path) : path_(path) {
  if (!std::filesystem::is_regular_file(path))
    fail(std::filesystem::exists(path) ? "not a regular file" : "no such file");
  if (const int status = nc_open(path.c_str(), NC_NOWRITE, &id_); status != NC_NOERR)
    fail(fmt::format("not a NetCDF file: {}", nc_strerror(status)));
  const double announced = classic_file_size(id_), held = bytes();
  if (announced <= held) return;
  nc_close(id_);
  fail(fmt::format("announces {:.0f} bytes and is only {:.0f} bytes long", announced, held));
}

NetcdfFile::~NetcdfFile() {
  nc_close(id_);
}

bool NetcdfFile::contains(const std::string& variable) const {
  int id = 0;
  return nc_inq_varid(id_, variable.c_str(), &id) == NC_NOERR;
}

void NetcdfFile::fail(const std::string& what) const {
  throw InputError(fmt::format("{}: {}", path_.string(), what));
}

void NetcdfFile::check(int status) const {
  if (status != NC_NOERR) fail(fmt::format("cannot be read: {}", nc_strerror(status)));
}

double NetcdfFile::bytes() const {
  return static_cast<double>(std::filesystem::file_size(path_));
}

bool MissingValues::contains(double value) const {
  if (std::isnan(value)) return nan;
  return value < lowest || value > highest ||
         std::find(marks.begin(), marks.end(), value) != marks.end();
}

NetcdfVariable::NetcdfVariable(const NetcdfFile& file, std::string name,
                               const std::vector<std::string>& axes)
    : file_(file), name_(std::move(name)), wanted_axes_(axes) {
  int rank = 0;
  if (nc_inq_varid(file.id(), name_.c_str(), &id_) != NC_NOERR)
    file.fail(fmt::format("has no variable '{}'", name_));
  file.check(nc_inq_varndims(file.id(), id_, &rank));
  if (static_cast<std::size_t>(rank) != axes.size())
    fail(fmt::format("has {} dimensions; {} {} needed", rank, fmt::join(axes, ", "),
                     axes.size() == 1 ? "is" : "are"));
  file.check(nc_inq_vartype(file.id(), id_, &type_));
  if (!is_number(type_)) fail("does not hold numbers");
  std::vector<int> ids(axes.size());
  file.check(nc_inq_vardimid(file.id(), id_, ids.data()));
  for (const int id : ids) {
    char axis[NC_MAX_NAME + 1] = {};
    std::size_t extent = 0;
    file.check(nc_inq_dim(file.id(), id, axis, &extent));
    axes_.emplace_back(axis);
    shape_.push_back(extent);
  }
  refuse_packed();
  missing_ = missing_values();
}

void NetcdfVariable::require_axes() const {
  for (std::size_t i = 0; i < axes_.size(); ++i)
    if (axes_[i] != wanted_axes_[i])
      file_.fail(fmt::format("dimension {} of '{}' is '{}'; '{}' is needed", i, name_, axes_[i],
                             wanted_axes_[i]));
}

void NetcdfVariable::require_floating_point() const {
  if (type_ != NC_FLOAT && type_ != NC_DOUBLE) fail("is neither float nor double");
}

double NetcdfVariable::spacing(double value) const {
  const double inf = std::numeric_limits<double>::infinity(), size = std::abs(value);
  if (type_ != NC_FLOAT) return std::nextafter(size, inf) - size;
  const auto narrow = static_cast<float>(size);
  return static_cast<double>(std::nextafter(narrow, static_cast<float>(inf)) - narrow);
}

void NetcdfVariable::fail(const std::string& what) const {
  file_.fail(fmt::format("'{}' {}", name_, what));
}

// An attribute's numbers; none if there is no such attribute.
std::vector<double> NetcdfVariable::numbers(const char* attribute) const {
  nc_type type = NC_NAT;
  std::size_t count = 0;
  if (nc_inq_att(file_.id(), id_, attribute, &type, &count) != NC_NOERR) return {};
  std::vector<double> values(count);
  if (!is_number(type) ||
      (count > 0 && nc_get_att_double(file_.id(), id_, attribute, values.data()) != NC_NOERR))
    fail(fmt::format("has a {} that is not a number", attribute));
  return values;
}

void NetcdfVariable::refuse_packed() const {
  for (const auto& [attribute, none] : {std::pair{"scale_factor", 1.0}, {"add_offset", 0.0}})
    for (const double value : numbers(attribute))
      if (value != none)
        fail(fmt::format("is packed ({} {:g}); write it unpacked", attribute, value));
}

MissingValues NetcdfVariable::missing_values() const {
  MissingValues result;
  std::vector<double> marks = numbers("_FillValue");
  if (marks.empty()) marks = default_fill(type_);
  for (const double mark : numbers("missing_value")) marks.push_back(mark);
  for (const double mark : marks) {
    result.nan = result.nan || std::isnan(mark);
    result.marks.push_back(converted(mark, type_));
  }
  const std::vector<double> range = numbers("valid_range"), low = numbers("valid_min"),
                            high = numbers("valid_max");
  const auto checked = [&](const char* attribute, const std::vector<double>& values,
                           std::size_t count) {
    const bool is_there = nc_inq_attid(file_.id(), id_, attribute, nullptr) == NC_NOERR;
    if (is_there && (values.size() != count || std::isnan(values.front() + values.back())))
      fail(fmt::format("has a {} of {} values, or NaN; {} needed", attribute, values.size(),
                       count == 1 ? "one number is" : "two numbers are"));
    return is_there;
  };
  const bool has_range = checked("valid_range", range, 2), has_low = checked("valid_min", low, 1),
             has_high = checked("valid_max", high, 1);
  if (has_range && (has_low || has_high))
    fail("has a valid_range and a valid_min or valid_max; CF allows one or the other");
  if (has_range) result.lowest = range[0], result.highest = range[1];
  if (has_low) result.lowest = low[0];
  if (has_high) result.highest = high[0];
  result.lowest = converted(result.lowest, type_);
  result.highest = converted(result.highest, type_);
  if (result.lowest > result.highest)
    fail(fmt::format("has an empty valid range, from {:g} to {:g}", result.lowest, result.highest));
  return result;
}

void NetcdfVariable::check_size(double bytes_each, Holes holes) const {
  std::size_t item = 0, filters = 0;
  file_.check(nc_inq_type(file_.id(), type_, nullptr, &item));
  double elements = 1;
  for (const std::size_t extent : shape_) elements *= static_cast<double>(extent);
  // What was never written takes no room in a NetCDF-4 file, whatever its storage, and is a hole.
  const double bytes = elements * static_cast<double>(item);
  if (holes == Holes::refused && bytes > file_.bytes() &&
      nc_inq_var_filter_ids(file_.id(), id_, &filters, nullptr) == NC_NOERR && filters == 0)
    file_.fail(fmt::format("announces {:.0f} bytes of '{}' and is only {:.0f} bytes long", bytes,
                           name_, file_.bytes()));
  try {
    require_memory(elements * bytes_each, fmt::format("'{}' of {} values", name_, elements));
  } catch (const InputError& error) {
    file_.fail(error.what());
  }
}

std::string NetcdfVariable::place(std::size_t index) const {
  std::string text;
  for (std::size_t i = axes_.size(); i-- > 0; index /= shape_[i])
    text = fmt::format("{} {}{}{}", axes_[i], index % shape_[i], text.empty() ? "" : ", ", text);
  return text;
}

template <class T>
void NetcdfVariable::mark_holes(Tensor<T>& values, Holes holes) const {
  std::size_t count = 0, first = 0;
  T first_value = 0;
  for (std::size_t begin = 0; begin < values.size(); begin += block_size) {
    const std::size_t end = std::min(values.size(), begin + block_size);
    if (all_present<T>(missing_, values.span().subspan(begin, end - begin))) continue;
    for (std::size_t i = begin; i < end; ++i) {
      const auto value = static_cast<double>(values[i]);
      if (missing_.contains(value)) {
        if (count++ == 0) first = i, first_value = values[i];
        values[i] = std::numeric_limits<T>::quiet_NaN();
      } else if (!std::isfinite(value)) {
        fail(fmt::format("at {} is {}: not finite, and no missing value", place(i), value));
      }
    }
  }
  if (count > 0 && holes == Holes::refused)
    file_.fail(fmt::format("{} {} of '{}' {} missing, the first at {} ({:g})", count,
                           count == 1 ? "value" : "values", name_, count == 1 ? "is" : "are",
                           place(first), first_value));
}

template <class T>
Tensor<T> NetcdfVariable::read(Holes holes) const {
  const auto as_stored = [&]<class Stored>(Stored, auto get) {
    constexpr bool same = std::is_same_v<Stored, T>;
    check_size(sizeof(Stored) + (same ? 0 : sizeof(T)), holes);
    Tensor<Stored> values(shape_);
    if (!values.empty()) file_.check(get(file_.id(), id_, values.data()));
    mark_holes(values, holes);
    if constexpr (same)
      return values;
    else
      return cast<T>(values);
  };
  return type_ == NC_FLOAT ? as_stored(float{}, nc_get_var_float)
                           : as_stored(double{}, nc_get_var_double);
}

template Tensor<float> NetcdfVariable::read(Holes) const;
template Tensor<double> NetcdfVariable::read(Holes) const;

}  // namespace papillon::apps
