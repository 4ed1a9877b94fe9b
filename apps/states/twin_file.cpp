#include "papillon/apps/states/twin_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "papillon/apps/command.hpp"
#include "papillon/apps/states/netcdf_axis.hpp"
#include "papillon/apps/states/netcdf_file.hpp"
#include "papillon/apps/states/netcdf_output.hpp"
#include "papillon/tensor/errors.hpp"
#include "papillon/tensor/npy.hpp"

namespace papillon::apps {
namespace {

Tensor<double> read_netcdf(const std::filesystem::path& path) {
  const NetcdfFile file(path);
  const NetcdfVariable observation(file, "observation", {"trajectory", "cycle", "observed"});
  observation.require_floating_point();
  require_all_cycles(file, observation.axis(1));
  Tensor<double> values = observation.read<double>(Holes::become_nan);
  time_step(file, observation.axis(1));  // refuses times with gaps
  return values;
}

Tensor<double> read_numbers(const std::filesystem::path& path) {
  Tensor<double> values = read_npy<double>(path);
  if (values.rank() != 3) return values;
  const std::size_t cycles = values.extent(1), observations = values.extent(2);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i])) continue;
    const std::size_t row = i / observations;
    throw InputError(fmt::format(
        "{}: trajectory {}, cycle {}, observation {} is {}; a .npy has no fill value for "
        "missing ones, a .nc does",
        path.string(), row / cycles, row % cycles, i % observations, values[i]));
  }
  return values;
}

}  // namespace

void write_twin_states(const std::filesystem::path& path, const TwinStates& states) {
  NetcdfOutput file(path);
  const std::size_t cycles = states.truth.extent(1), first = states.first_cycle;
  const int trajectory = file.dimension("trajectory", states.truth.extent(0)),
            cycle = file.dimension("cycle", cycles),
            component = file.dimension("component", states.truth.extent(2)),
            observed = file.dimension("observed", states.observation.extent(2));
  const int numbers = file.variable("cycle", NC_INT64, {cycle},
                                    "number of the cycle, from the first of the burn-in");
  const int times = file.variable("time", NC_DOUBLE, {cycle}, "model time of the observations");
  file.text(times, "units", "1");
  struct Output {
    const char *name, *long_name;
    const Tensor<double>* values;
    int variable = 0;
  };
  Output outputs[] = {{"truth", "true state", &states.truth},
                      {"background", "state before the analysis", &states.background},
                      {"analysis", "state after the analysis", &states.analysis},
                      {"observation", "observation with its error", &states.observation}};
  for (Output& o : outputs)
    o.variable = file.states(
        o.name, NC_DOUBLE,
        {trajectory, cycle, o.values == &states.observation ? observed : component}, o.long_name);
  file.end_definitions(states.attributes);
  file.put_numbers(numbers, cycles, first);
  file.put_times(times, cycles, first + 1, states.time_between);
  for (const Output& o : outputs)
    file.check(nc_put_var_double(file.id(), o.variable, o.values->data()));
  file.commit();
}

Tensor<double> read_observations(const std::filesystem::path& path, std::size_t observations) {
  const bool netcdf = path.extension() == ".nc";
  if (!netcdf && path.extension() != ".npy")
    throw UsageError(
        fmt::format("'{}': a file of observations ends in .nc or .npy", path.string()));
  Tensor<double> values = netcdf ? read_netcdf(path) : read_numbers(path);
  if (values.rank() != 3 || values.extent(2) != observations)
    throw InputError(fmt::format(
        "{}: has shape {}; should be [trajectories, cycles, {}], as the observation operator says",
        path.string(), to_string(values.shape()), observations));
  return values;
}

}  // namespace papillon::apps
