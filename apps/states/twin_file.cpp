#include "papillon/apps/states/twin_file.hpp"

#include <fmt/format.h>
#include <netcdf.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "papillon/apps/build_info.hpp"
#include "papillon/apps/command.hpp"
#include "papillon/tensor/atomic_file.hpp"
#include "papillon/tensor/errors.hpp"
#include "papillon/tensor/npy.hpp"

namespace papillon::apps {
namespace {

class Writer {
 public:
  Writer(const std::filesystem::path& path, const TwinStates& states)
      : path_(path), states_(states), file_(path) {
    check(nc_create(file_.temporary().c_str(), NC_CLOBBER | NC_NETCDF4, &id_));
    open_ = true;
  }
  ~Writer() {
    if (open_) nc_close(id_);
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void write() {
    const std::size_t k = states_.truth.extent(0), cycles = states_.truth.extent(1);
    int trajectory = 0, cycle = 0, component = 0, observed = 0;
    check(nc_def_dim(id_, "trajectory", k, &trajectory));
    check(nc_def_dim(id_, "cycle", cycles, &cycle));
    check(nc_def_dim(id_, "component", states_.truth.extent(2), &component));
    check(nc_def_dim(id_, "observed", states_.observation.extent(2), &observed));
    int numbers = 0, times = 0;
    check(nc_def_var(id_, "cycle", NC_INT64, 1, &cycle, &numbers));
    check(nc_def_var(id_, "time", NC_DOUBLE, 1, &cycle, &times));
    text(numbers, "long_name", "number of the cycle, from the first of the burn-in");
    text(times, "long_name", "model time of the observations");
    text(times, "units", "1");
    const Tensor<double>* values[] = {&states_.truth, &states_.background, &states_.analysis,
                                      &states_.observation};
    const char* names[] = {"truth", "background", "analysis", "observation"};
    const char* long_names[] = {"true state", "state before the analysis",
                                "state after the analysis", "observation with its error"};
    std::array<int, 4> variables{};
    for (std::size_t i = 0; i < 4; ++i) {
      const std::array<int, 3> axes = {trajectory, cycle, i < 3 ? component : observed};
      check(nc_def_var(id_, names[i], NC_DOUBLE, 3, axes.data(), &variables[i]));
      text(variables[i], "long_name", long_names[i]);
      text(variables[i], "units", "1");  // Lorenz's variables have no dimension
      const double fill = std::numeric_limits<double>::quiet_NaN();
      check(nc_put_att_double(id_, variables[i], "_FillValue", NC_DOUBLE, 1, &fill));
    }
    text(NC_GLOBAL, "Conventions", "CF-1.10");
    text(NC_GLOBAL, "source", fmt::format("papillon {} ({})", program_version, program_commit));
    for (const auto& [name, value] : states_.attributes) text(NC_GLOBAL, name.c_str(), value);
    check(nc_enddef(id_));
    std::vector<long long> number(cycles);
    std::iota(number.begin(), number.end(), static_cast<long long>(states_.first_cycle));
    check(nc_put_var_longlong(id_, numbers, number.data()));
    std::vector<double> time(cycles);
    for (std::size_t c = 0; c < cycles; ++c)
      time[c] = static_cast<double>(states_.first_cycle + c + 1) * states_.time_between;
    check(nc_put_var_double(id_, times, time.data()));
    for (std::size_t i = 0; i < 4; ++i)
      check(nc_put_var_double(id_, variables[i], values[i]->data()));
    open_ = false;
    check(nc_close(id_));
    file_.commit();
  }

 private:
  void check(int status) const {
    if (status != NC_NOERR)
      throw OutputError(fmt::format("{}: cannot write: {}", path_.string(), nc_strerror(status)));
  }
  void text(int variable, const char* name, const std::string& value) const {
    check(nc_put_att_text(id_, variable, name, value.size(), value.c_str()));
  }

  std::filesystem::path path_;
  const TwinStates& states_;
  AtomicFile file_;
  int id_ = 0;
  bool open_ = false;
};

// A file that says which cycles it has must begin with the first of the burn-in.
template <class Fail>
void check_first_cycle(int id, int axis, const Fail& fail) {
  int variable = 0, rank = 0, of = -1;
  const std::size_t at = 0;
  double first = 0;
  if (nc_inq_varid(id, "cycle", &variable) != NC_NOERR ||
      nc_inq_varndims(id, variable, &rank) != NC_NOERR || rank != 1 ||
      nc_inq_vardimid(id, variable, &of) != NC_NOERR || of != axis ||
      nc_get_var1_double(id, variable, &at, &first) != NC_NOERR)
    return;
  if (first != 0)
    fail(
        fmt::format("'cycle' begins with {}; observations from cycle 0 on are needed (states.nc "
                    "has them with --store-from 0)",
                    first));
}

struct Opened {
  int id = -1;
  ~Opened() {
    if (id >= 0) nc_close(id);
  }
};

// The values, and what stands for missing ones (_FillValue, missing_value).
Tensor<double> read_netcdf(const std::filesystem::path& path, std::vector<double>& fill) {
  const auto fail = [&](const std::string& what) {
    throw InputError(fmt::format("{}: {}", path.string(), what));
  };
  const auto check = [&](int status) {
    if (status != NC_NOERR) fail(fmt::format("cannot be read: {}", nc_strerror(status)));
  };
  if (!std::filesystem::is_regular_file(path)) fail("no such file");
  Opened file;
  if (const int status = nc_open(path.c_str(), NC_NOWRITE, &file.id); status != NC_NOERR) {
    file.id = -1;
    fail(fmt::format("not a NetCDF file: {}", nc_strerror(status)));
  }
  int variable = 0, rank = 0, no_fill = 0;
  if (nc_inq_varid(file.id, "observation", &variable) != NC_NOERR)
    fail("has no variable 'observation'");
  check(nc_inq_varndims(file.id, variable, &rank));
  if (rank != 3)
    fail(fmt::format("'observation' has {} dimensions; trajectory, cycle, observed are needed",
                     rank));
  nc_type type = 0;
  check(nc_inq_vartype(file.id, variable, &type));
  if (type != NC_FLOAT && type != NC_DOUBLE) fail("'observation' is neither float nor double");
  for (const char* packing : {"scale_factor", "add_offset"})
    if (nc_inq_att(file.id, variable, packing, nullptr, nullptr) == NC_NOERR)
      fail(fmt::format("'observation' is packed ({}); write it unpacked", packing));
  std::array<int, 3> axes{};
  check(nc_inq_vardimid(file.id, variable, axes.data()));
  check_first_cycle(file.id, axes[1], fail);
  Shape shape(3);
  double bytes = type == NC_FLOAT ? 4 : 8;
  for (std::size_t i = 0; i < 3; ++i) {
    check(nc_inq_dimlen(file.id, axes[i], &shape[i]));
    bytes *= static_cast<double>(shape[i]);
  }
  // No lossless compressor of HDF5 gets beyond a factor of about 1,000.
  if (bytes > 1032 * static_cast<double>(std::filesystem::file_size(path)))
    fail(fmt::format("announces {:.0f} bytes of observations and is shorter", bytes));
  if (type == NC_FLOAT) {
    float value = 0;
    check(nc_inq_var_fill(file.id, variable, &no_fill, &value));
    fill.push_back(static_cast<double>(value));
  } else {
    fill.resize(1);
    check(nc_inq_var_fill(file.id, variable, &no_fill, fill.data()));
  }
  std::size_t count = 0;
  if (nc_inq_attlen(file.id, variable, "missing_value", &count) == NC_NOERR) {
    std::vector<double> more(count);
    if (nc_get_att_double(file.id, variable, "missing_value", more.data()) != NC_NOERR)
      fail("'observation' has a missing_value that is not a number");
    fill.insert(fill.end(), more.begin(), more.end());
  }
  Tensor<double> values(shape);
  if (!values.empty()) check(nc_get_var_double(file.id, variable, values.data()));
  return values;
}

}  // namespace

void write_twin_states(const std::filesystem::path& path, const TwinStates& states) {
  Writer(path, states).write();
}

Tensor<double> read_observations(const std::filesystem::path& path, std::size_t observations) {
  std::vector<double> fill;
  Tensor<double> values;
  if (path.extension() == ".nc")
    values = read_netcdf(path, fill);
  else if (path.extension() == ".npy")
    values = read_npy<double>(path);
  else
    throw UsageError(
        fmt::format("'{}': a file of observations ends in .nc or .npy", path.string()));
  if (values.rank() != 3 || values.extent(2) != observations)
    throw InputError(fmt::format(
        "{}: has shape {}; should be [trajectories, cycles, {}], as the observation operator says",
        path.string(), to_string(values.shape()), observations));
  const auto missing = [&](double y) {
    return std::any_of(fill.begin(), fill.end(),
                       [&](double f) { return y == f || (std::isnan(y) && std::isnan(f)); });
  };
  const std::size_t cycles = values.extent(1);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (missing(values[i])) {
      values[i] = std::numeric_limits<double>::quiet_NaN();
    } else if (!std::isfinite(values[i])) {
      const std::size_t row = i / observations;
      throw InputError(
          fmt::format("{}: cycle {}, trajectory {}: observation {} is {}, and not the fill value",
                      path.string(), row % cycles, row / cycles, i % observations, values[i]));
    }
  }
  return values;
}

}  // namespace papillon::apps
