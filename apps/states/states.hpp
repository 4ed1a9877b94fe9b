// Files of states: NetCDF-4 (.nc) or NPY (.npy), by the extension; physical units.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "papillon/tensor/tensor.hpp"

namespace papillon::apps {

struct StateLayout {
  std::size_t members = 0, times = 1, dimension = 3;
  double dt = 0;                     // between times, in the system's time unit; 0: not known
  std::vector<std::string> names{};  // of the components; x, y, z or x1, x2, ... if empty
  std::map<std::string, std::string> attributes{};  // of the file (NetCDF only)
  // Times in a block that writes fast: about 16 MB of all members.
  std::size_t block_times() const;
  std::string component(std::size_t i) const;
};

struct States {
  Tensor<float> values;  // [members * times, dimension], members outermost
  StateLayout layout;
};

// A whole file. NPY: [states, component] or [member, time, component]. NetCDF: the variable `state`
// over member, time, component, float or double, read by the rules of NetcdfVariable, and `time`,
// where there is one, by those of time_step. dimension: what the last axis must be (0: any). Throws
// InputError: missing, malformed, other dimensions, or a value that is missing or not finite.
States read_states(const std::filesystem::path& path, std::size_t dimension = 0);

// Writes a file block by block; it appears at commit(). Throws OutputError, and UsageError for an
// extension that is neither .nc nor .npy.
class StateWriter {
 public:
  virtual ~StateWriter() = default;
  // [members, n, dimension]: times first_time ... first_time + n - 1 of all members, in order.
  virtual void write(const Tensor<float>& states, std::size_t first_time) = 0;
  virtual void commit() = 0;
};
std::unique_ptr<StateWriter> open_state_writer(const std::filesystem::path& path,
                                               const StateLayout& layout);
// Members without a time axis in NPY, [members, dimension]; one time in NetCDF.
void write_states(const std::filesystem::path& path, const Tensor<float>& states,
                  const StateLayout& layout);
// Throws UsageError unless the name ends in .nc or .npy.
void check_state_extension(const std::filesystem::path& path);
// What can be said before anything is written: throws UsageError for an extension that is neither,
// or more states than .npy is for, and OutputError for more than the disk has room for.
void check_state_file(const std::filesystem::path& path, const StateLayout& layout);

// The two formats.
std::unique_ptr<StateWriter> open_netcdf_writer(const std::filesystem::path& path,
                                                const StateLayout& layout);
States read_netcdf_states(const std::filesystem::path& path);

}  // namespace papillon::apps
