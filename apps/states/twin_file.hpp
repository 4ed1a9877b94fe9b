// NetCDF files of twin experiments: what happened, and observations that are given.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "papillon/tensor/tensor.hpp"

namespace papillon::apps {

struct TwinStates {
  std::uint64_t first_cycle = 0;
  double time_between = 0;                          // observation times; model time
  Tensor<double> truth, background, analysis;       // [K, cycles, D]
  Tensor<double> observation;                       // [K, cycles, P]; NaN: missing
  std::map<std::string, std::string> attributes{};  // of the file
};

// Dimensions trajectory, cycle, component, observed. Throws OutputError.
void write_twin_states(const std::filesystem::path& path, const TwinStates& states);

// Observations [trajectories, cycles, P], NaN where one is missing. .nc: the variable `observation`
// over three dimensions of any names, read by the rules of NetcdfVariable; the coordinates `cycle`
// and `time` of the second one, where there are any, are 0, 1, 2, ... and even. .npy: none is
// missing. Throws InputError: missing, malformed, another P, or a value that is not finite and does
// not stand for a missing one (it names the trajectory and the cycle, from 0).
Tensor<double> read_observations(const std::filesystem::path& path, std::size_t observations);

}  // namespace papillon::apps
