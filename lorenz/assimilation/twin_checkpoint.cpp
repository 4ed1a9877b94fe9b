// The state of a twin experiment as a safetensors file.
#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <locale>
#include <sstream>

#include "papillon/lorenz/assimilation/internal/twin_state.hpp"
#include "papillon/nn/internal/stored_state.hpp"
#include "papillon/nn/safetensors.hpp"
#include "papillon/tensor/hash.hpp"

namespace papillon::inline assimilation {
namespace {

constexpr const char* twin_format = "papillon-twin-experiment";

// The hash of at most 65,536 numbers spread over the array.
template <class T>
std::uint64_t hash(std::span<const T> values) {
  Fnv1a h;
  const std::size_t stride = std::max<std::size_t>(1, values.size() >> 16);
  for (std::size_t i = 0; i < values.size(); i += stride) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, &values[i], sizeof(T));
    h.add(bits);
  }
  return h.value;
}

// What the model does to a state: parameters that no description mentions show here.
std::uint64_t probe(const ForecastModel& model, std::size_t steps) {
  Tensor<double> x(Shape{1, model.dimension()});
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = 1 + 0.1 * static_cast<double>(i % 7);
  model.advance(rows_of(x), steps);
  return hash<double>(x.span());
}

std::string noise(const ModelNoise& n) {
  return fmt::format("{} {:016x}", n.every, hash<double>(n.factor.span()));
}

}  // namespace

RunSettings TwinExperiment::State::settings() const {
  const ObservationSource& y = setup.observations;
  const auto text = [](const auto& value) { return fmt::format("{}", value); };
  std::string scale;
  for (const double s : options.scale) scale += fmt::format("{}{}", scale.empty() ? "" : " ", s);
  return {{"method", method->description()},
          {"model", fmt::format("{} {:016x}", setup.model->description(),
                                probe(*setup.model, options.steps_per_cycle))},
          {"steps_per_cycle", text(options.steps_per_cycle)},
          {"cycles", text(options.cycles)},
          {"burn_in", text(burn_in)},
          {"trajectories", text(trajectories)},
          {"seed", text(options.seed)},
          {"random_streams", text(random_streams_version)},
          {"experiment", text(static_cast<int>(options.experiment))},
          {"along_window_every", text(options.along_window_every)},
          {"crps", text(options.crps)},
          {"batches", text(options.batches)},
          {"divergence_limit", text(options.divergence_limit)},
          {"go_on_without_failed", text(options.go_on_without_failed)},
          {"scale", scale},
          {"forecast_noise", noise(setup.forecast_noise)},
          {"truth", setup.truth.description()},
          {"observations",
           y.model.description() +
               (y.given ? fmt::format(" given {:016x}", hash<double>(y.given->span())) : "")},
          {"initial_states", fmt::format("{:016x}", hash<double>(setup.initial->span()))}};
}

void TwinExperiment::save(const std::filesystem::path& path) const {
  const State& s = *state_;
  SafetensorsFile file;
  file.metadata["format"] = twin_format;
  file.metadata["settings"] = to_text(s.settings());
  file.metadata["cycles_done"] = std::to_string(s.done);
  std::string failed;
  for (const AssimilationError& e : s.failures)
    failed += fmt::format("{}\t{}\t{}\t{}\n", static_cast<int>(e.failure), e.cycle, e.trajectory,
                          e.what());
  file.metadata["failures"] = failed;
  file.add("states", s.states);
  file.add("truth", s.setup.truth.state());
  for (const auto& [name, tensor] : s.sums.tensors()) file.add(name, *tensor);
  write_safetensors(path, file);
}

namespace {

// From the lines that save() writes.
std::vector<AssimilationError> parse_failures(const std::string& text, const std::string& file) {
  std::vector<AssimilationError> failures;
  std::istringstream lines(text);
  for (std::string line, message; std::getline(lines, line);) {
    std::istringstream fields(line);
    fields.imbue(std::locale::classic());
    std::uint64_t failure = 0, cycle = 0, trajectory = 0;
    if (!(fields >> failure >> cycle >> trajectory) || fields.get() != '\t' ||
        !std::getline(fields, message) || failure > 2)
      throw InputError(fmt::format("{}: metadata 'failures' is malformed", file));
    // what() begins with the cycle and the trajectory, which the constructor writes again.
    const std::size_t colon = message.find(": ");
    failures.emplace_back(static_cast<AssimilationFailure>(failure), cycle, trajectory,
                          colon == std::string::npos ? message : message.substr(colon + 2));
  }
  return failures;
}

}  // namespace

void TwinExperiment::load(const std::filesystem::path& path) {
  State& s = *state_;
  const SafetensorsFile file = read_safetensors(path);
  const std::string name = path.string();
  const auto text = [&](const char* key) -> std::string {
    const auto found = file.metadata.find(key);
    return found == file.metadata.end() ? "" : found->second;
  };
  if (text("format") != twin_format)
    throw InputError(fmt::format("{}: not a twin experiment", name));
  require_same(name, text("settings"), s.settings());
  const std::uint64_t done = metadata_integer(file, "cycles_done", 0, s.total);
  std::vector<AssimilationError> failures = parse_failures(text("failures"), name);
  std::vector<std::optional<AssimilationError>> failed(s.trajectories);
  for (const AssimilationError& e : failures) {
    if (e.trajectory >= s.trajectories || e.cycle >= s.total || failed[e.trajectory])
      throw InputError(
          fmt::format("{}: metadata 'failures' has trajectory {} of {} in cycle {} of {}", name,
                      e.trajectory, s.trajectories, e.cycle, s.total));
    failed[e.trajectory].emplace(e);
  }
  const auto tensor = [&](const char* key, const Shape& shape) {
    Tensor<double> t = file.tensor<double>(key);
    if (t.shape() != shape)
      throw InputError(fmt::format("{}: tensor '{}' has shape {}; must be {}", name, key,
                                   to_string(t.shape()), to_string(shape)));
    // One part for each trajectory; the numbers of a failed one are not used again.
    const std::size_t part = t.size() / s.trajectories;
    for (std::size_t i = 0; i < t.size(); ++i)
      if (!std::isfinite(t[i]) && !failed[i / part])
        throw InputError(fmt::format("{}: tensor '{}' has {} for trajectory {}; must be finite",
                                     name, key, t[i], i / part));
    return t;
  };
  Tensor<double> states = tensor("states", s.states.shape());
  const Tensor<double> truth = tensor("truth", s.setup.truth.state().shape());
  std::vector<Tensor<double>> sums;
  for (const auto& [key, own] : s.sums.tensors()) sums.push_back(tensor(key, own->shape()));
  // Nothing can fail from here on.
  s.done = done;
  s.states = std::move(states);
  s.setup.truth.restore(done * s.options.steps_per_cycle, truth);
  const auto own = s.sums.tensors();
  for (std::size_t i = 0; i < own.size(); ++i) *own[i].second = std::move(sums[i]);
  s.failed = std::move(failed);
  s.failures = std::move(failures);
}

}  // namespace papillon::inline assimilation
