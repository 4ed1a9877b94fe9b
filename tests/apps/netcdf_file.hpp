// Observation files for tests, written with the netCDF library itself.
#pragma once

#include <netcdf.h>

#include <array>
#include <filesystem>
#include <string>
#include <vector>

namespace papillon::test {

// The variable `name` over three dimensions, as doubles, with a fill value.
inline bool write_netcdf(const std::filesystem::path& path, const std::string& name,
                         const std::array<std::size_t, 3>& extents,
                         const std::vector<double>& values, double fill) {
  int id = 0, variable = 0;
  std::array<int, 3> axes{};
  if (nc_create(path.c_str(), NC_CLOBBER | NC_NETCDF4, &id) != NC_NOERR) return false;
  const char* names[] = {"trajectory", "cycle", "observed"};
  bool good = true;
  for (std::size_t i = 0; i < 3; ++i)
    good &= nc_def_dim(id, names[i], extents[i], &axes[i]) == NC_NOERR;
  good &= nc_def_var(id, name.c_str(), NC_DOUBLE, 3, axes.data(), &variable) == NC_NOERR;
  good &= nc_put_att_double(id, variable, "_FillValue", NC_DOUBLE, 1, &fill) == NC_NOERR;
  good &= nc_enddef(id) == NC_NOERR && nc_put_var_double(id, variable, values.data()) == NC_NOERR;
  return nc_close(id) == NC_NOERR && good;
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
