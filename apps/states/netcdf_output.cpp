#include "papillon/apps/states/netcdf_output.hpp"

#include <fmt/format.h>

#include <limits>
#include <numeric>

#include "papillon/apps/build_info.hpp"
#include "papillon/tensor/errors.hpp"

namespace papillon::apps {

NetcdfOutput::NetcdfOutput(const std::filesystem::path& path) : path_(path), file_(path) {
  check(nc_create(file_.temporary().c_str(), NC_CLOBBER | NC_NETCDF4, &id_));
  open_ = true;
}

NetcdfOutput::~NetcdfOutput() {
  if (open_) nc_close(id_);
}

void NetcdfOutput::check(int status) const {
  if (status == NC_NOERR) return;
  // HDF5 keeps to itself why it failed; a full disk is what it mostly is.
  std::error_code unknown;
  const auto space = std::filesystem::space(file_.temporary().parent_path(), unknown);
  const bool full = status == NC_EHDFERR && !unknown && space.available < (1u << 20);
  throw OutputError(fmt::format("{}: cannot write: {}", path_.string(),
                                full ? "the disk is full" : nc_strerror(status)));
}

int NetcdfOutput::dimension(const char* name, std::size_t extent) const {
  int id = 0;
  check(nc_def_dim(id_, name, extent, &id));
  return id;
}

int NetcdfOutput::variable(const char* name, nc_type type, const std::vector<int>& axes,
                           const char* long_name) const {
  int id = 0;
  check(nc_def_var(id_, name, type, static_cast<int>(axes.size()), axes.data(), &id));
  text(id, "long_name", long_name);
  return id;
}

int NetcdfOutput::states(const char* name, nc_type type, const std::vector<int>& axes,
                         const char* long_name) const {
  const int id = variable(name, type, axes, long_name);
  text(id, "units", "1");
  const float fill = std::numeric_limits<float>::quiet_NaN();
  check(nc_put_att_float(id_, id, "_FillValue", type, 1, &fill));
  return id;
}

void NetcdfOutput::text(int variable, const char* name, const std::string& value) const {
  check(nc_put_att_text(id_, variable, name, value.size(), value.c_str()));
}

void NetcdfOutput::end_definitions(const std::map<std::string, std::string>& attributes) const {
  text(NC_GLOBAL, "Conventions", "CF-1.10");
  text(NC_GLOBAL, "source", fmt::format("papillon {} ({})", program_version, program_commit));
  for (const auto& [name, value] : attributes) text(NC_GLOBAL, name.c_str(), value);
  check(nc_enddef(id_));
}

void NetcdfOutput::put_numbers(int variable, std::size_t count, std::size_t first) const {
  std::vector<long long> numbers(count);
  std::iota(numbers.begin(), numbers.end(), static_cast<long long>(first));
  check(nc_put_var_longlong(id_, variable, numbers.data()));
}

void NetcdfOutput::put_times(int variable, std::size_t count, std::size_t first,
                             double step) const {
  std::vector<double> times(count);
  for (std::size_t k = 0; k < count; ++k) times[k] = static_cast<double>(first + k) * step;
  check(nc_put_var_double(id_, variable, times.data()));
}

void NetcdfOutput::commit() {
  open_ = false;
  check(nc_close(id_));
  file_.commit();
}

}  // namespace papillon::apps
