// NetCDF files for tests, written with the netCDF library itself.
#pragma once

#include <netcdf.h>

#include <array>
#include <filesystem>
#include <string>
#include <vector>

namespace papillon::test {

// A file that is being written; what goes wrong is remembered until close().
class NetcdfTestFile {
 public:
  explicit NetcdfTestFile(const std::filesystem::path& path, int format = NC_NETCDF4) {
    check(nc_create(path.c_str(), NC_CLOBBER | format, &id));
  }
  ~NetcdfTestFile() { close(); }
  NetcdfTestFile(const NetcdfTestFile&) = delete;
  NetcdfTestFile& operator=(const NetcdfTestFile&) = delete;

  int dimension(const std::string& name, std::size_t extent) {
    int dimension = 0;
    check(nc_def_dim(id, name.c_str(), extent, &dimension));
    return dimension;
  }
  int variable(const std::string& name, int type, const std::vector<int>& axes) {
    int variable = 0;
    check(
        nc_def_var(id, name.c_str(), type, static_cast<int>(axes.size()), axes.data(), &variable));
    return variable;
  }
  // A variable over three dimensions of its own.
  int variable(const std::string& name, int type, const std::array<const char*, 3>& axes,
               const std::array<std::size_t, 3>& extents) {
    std::vector<int> ids;
    for (std::size_t i = 0; i < 3; ++i) ids.push_back(dimension(axes[i], extents[i]));
    return variable(name, type, ids);
  }
  void attribute(int variable, const std::string& name, int type,
                 const std::vector<double>& values) {
    check(nc_put_att_double(id, variable, name.c_str(), type, values.size(), values.data()));
  }
  void text(int variable, const std::string& name, const std::string& value) {
    check(nc_put_att_text(id, variable, name.c_str(), value.size(), value.c_str()));
  }
  void put(int variable, const std::vector<double>& values) {
    end_definitions();
    nc_type type = NC_NAT;
    check(nc_inq_vartype(id, variable, &type));
    if (type == NC_FLOAT) {  // the library's own conversion refuses infinity
      const std::vector<float> narrow(values.begin(), values.end());
      check(nc_put_var_float(id, variable, narrow.data()));
    } else {
      check(nc_put_var_double(id, variable, values.data()));
    }
  }
  void end_definitions() {
    if (const int status = nc_enddef(id); status != NC_ENOTINDEFINE) check(status);
  }
  void check(int status) { good_ = good_ && status == NC_NOERR; }
  bool close() {
    if (open_) check(nc_close(id));
    open_ = false;
    return good_;
  }

  int id = 0;

 private:
  bool good_ = true, open_ = true;
};

constexpr std::array<const char*, 3> state_axes = {"member", "time", "component"};
constexpr std::array<const char*, 3> observation_axes = {"trajectory", "cycle", "observed"};

// The variable `name` over three dimensions, as doubles, with a fill value.
inline bool write_netcdf(const std::filesystem::path& path, const std::string& name,
                         const std::array<std::size_t, 3>& extents,
                         const std::vector<double>& values, double fill) {
  NetcdfTestFile file(path);
  const int variable = file.variable(name, NC_DOUBLE, observation_axes, extents);
  file.attribute(variable, "_FillValue", NC_DOUBLE, {fill});
  file.put(variable, values);
  return file.close();
}

// All values of a variable.
inline std::vector<double> read_netcdf(const std::filesystem::path& path, const std::string& name) {
  int id = 0, variable = 0, rank = 0;
  if (nc_open(path.c_str(), NC_NOWRITE, &id) != NC_NOERR) return {};
  std::vector<double> values;
  std::array<int, 3> axes{};
  if (nc_inq_varid(id, name.c_str(), &variable) == NC_NOERR &&
      nc_inq_varndims(id, variable, &rank) == NC_NOERR && rank == 3 &&
      nc_inq_vardimid(id, variable, axes.data()) == NC_NOERR) {
    std::size_t size = 1, extent = 0;
    for (const int axis : axes) {
      nc_inq_dimlen(id, axis, &extent);
      size *= extent;
    }
    values.resize(size);
    if (nc_get_var_double(id, variable, values.data()) != NC_NOERR) values.clear();
  }
  nc_close(id);
  return values;
}

}  // namespace papillon::test
