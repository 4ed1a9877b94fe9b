#include "papillon/apps/assimilate/inputs.hpp"

#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <vector>

#include "papillon/apps/numbers.hpp"
#include "papillon/apps/states/twin_file.hpp"
#include "papillon/lorenz/assimilation/covariance.hpp"
#include "papillon/tensor/errors.hpp"
#include "papillon/tensor/hash.hpp"
#include "papillon/tensor/npy.hpp"

namespace papillon::apps {

const Trajectories& InputFiles::trajectories(const std::string& path, std::size_t dimension) {
  std::unique_ptr<const Trajectories>& entry = trajectories_[path];
  if (!entry) {
    States read = read_states(path);
    const StateLayout layout = read.layout;
    Climatology climate = climatology(read.values);
    entry = std::make_unique<const Trajectories>(
        Trajectories{std::make_shared<const Tensor<float>>(
                         std::move(read.values)
                             .reshaped({static_cast<std::ptrdiff_t>(layout.members),
                                        static_cast<std::ptrdiff_t>(layout.times),
                                        static_cast<std::ptrdiff_t>(layout.dimension)})),
                     layout.dt, std::move(climate)});
  }
  if (entry->climate.dimension() != dimension)
    throw InputError(fmt::format("{}: states have {} components; the system has {}", path,
                                 entry->climate.dimension(), dimension));
  return *entry;
}

std::shared_ptr<const DiffusionModel> InputFiles::model(const std::string& path,
                                                        std::size_t dimension) {
  auto& entry = models_[path];
  if (!entry) entry = std::make_shared<const DiffusionModel>(load_model(path));
  if (entry->normalisation.dimension() != dimension)
    throw InputError(fmt::format("{}: a model of {} components; the system has {}", path,
                                 entry->normalisation.dimension(), dimension));
  return entry;
}

std::shared_ptr<const Surrogate> InputFiles::surrogate(const std::string& path,
                                                       std::size_t dimension) {
  auto& entry = surrogates_[path];
  if (!entry) entry = std::make_shared<const Surrogate>(load_surrogate(path));
  if (entry->dimension() != dimension)
    throw InputError(fmt::format("{}: a surrogate of {} components; the system has {}", path,
                                 entry->dimension(), dimension));
  return entry;
}

namespace {

// [rows, columns] of numbers, from .npy; 0: any.
Tensor<double> read_matrix(const std::string& path, std::size_t rows, std::size_t columns) {
  Tensor<double> matrix = read_npy<double>(path);
  const auto fits = [](std::size_t expected, std::size_t is) {
    return expected == 0 || expected == is;
  };
  if (matrix.rank() != 2 || !fits(rows, matrix.extent(0)) || !fits(columns, matrix.extent(1)))
    throw InputError(fmt::format("{}: has shape {}; must be [{}, {}]", path,
                                 to_string(matrix.shape()), rows ? std::to_string(rows) : "any",
                                 columns ? std::to_string(columns) : "any"));
  if (!all_finite(matrix)) throw InputError(fmt::format("{}: an element is not finite", path));
  return matrix;
}

// The covariance, if it is one; origin: of the message.
Tensor<double> checked_covariance(Tensor<double> covariance, const std::string& origin) {
  try {
    covariance_factor(covariance, origin);
  } catch (const Error& error) {
    throw InputError(error.what());
  }
  return covariance;
}

}  // namespace

Tensor<double> read_covariance(const std::string& path, std::size_t n) {
  if (std::filesystem::path(path).extension() != ".json")
    return checked_covariance(read_matrix(path, n, n), path + ": the covariance");
  std::ifstream file(path);
  if (!file) throw InputError(fmt::format("{}: no such file", path));
  nlohmann::json json = nlohmann::json::parse(file, nullptr, false);
  if (json.is_object() && json.contains("results")) json = json["results"];
  Tensor<double> covariance(Shape{n, n});
  const auto fail = [&] {
    throw InputError(
        fmt::format("{}: has no background_covariance of {} x {} numbers", path, n, n));
  };
  if (!json.is_object() || !json.contains("background_covariance")) fail();
  const nlohmann::json& rows = json["background_covariance"];
  if (!rows.is_array() || rows.size() != n) fail();
  for (std::size_t i = 0; i < n; ++i) {
    if (!rows[i].is_array() || rows[i].size() != n) fail();
    for (std::size_t j = 0; j < n; ++j) {
      if (!rows[i][j].is_number()) fail();
      covariance[i * n + j] = rows[i][j].get<double>();
    }
  }
  return checked_covariance(std::move(covariance), path + ": background_covariance");
}

Tensor<double> covariance_of(const std::vector<std::string>& values, std::size_t n) {
  if (values.size() == 1) return read_covariance(values[0], n);
  if (values.size() != n * n)
    throw UsageError(fmt::format("--covariance: {} numbers; must be {}", values.size(), n * n));
  Tensor<double> covariance(Shape{n, n});
  for (std::size_t i = 0; i < covariance.size(); ++i) {
    const auto value = parse_number(values[i]);
    if (!value)
      throw UsageError(fmt::format("--covariance: '{}' at ({}, {}) is no number or not finite",
                                   values[i], i / n, i % n));
    covariance[i] = *value;
  }
  try {
    return checked_covariance(std::move(covariance), "--covariance");
  } catch (const InputError& error) {
    throw UsageError(error.what());
  }
}

ExperimentInputs read_inputs(const AssimilateOptions& o, InputFiles& files) {
  ExperimentInputs inputs;
  const std::size_t d = inputs.dimension = o.dynamics.system.make().system.dimension();
  const std::string& climate = o.truth.climate.empty() ? o.truth.file : o.truth.climate;
  if (!o.forecast.surrogate.empty()) inputs.surrogate = files.surrogate(o.forecast.surrogate, d);
  if (!climate.empty()) inputs.climate = &files.trajectories(climate, d);
  if (o.spread.is_asked_for()) return inputs;
  if (!o.truth.file.empty()) inputs.truth = &files.trajectories(o.truth.file, d);
  const ForecastOptions& f = o.forecast;
  if (!f.noise_covariance.empty()) inputs.forecast_noise = read_covariance(f.noise_covariance, d);
  if (!f.truth_noise_covariance.empty())
    inputs.truth_noise = read_covariance(f.truth_noise_covariance, d);
  const ObservationOptions& y = o.observations;
  if (!y.matrix.empty()) inputs.matrix = read_matrix(y.matrix, 0, d);
  const std::size_t p = !y.matrix.empty()    ? inputs.matrix.extent(0)
                        : !y.observe.empty() ? y.observe.size()
                                             : d;
  if (!y.covariance.empty()) inputs.observation_covariance = read_covariance(y.covariance, p);
  if (!y.file.empty()) inputs.observations = read_observations(y.file, p);
  return inputs;
}

}  // namespace papillon::apps
