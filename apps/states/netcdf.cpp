// States in NetCDF-4: dimensions member, time, component; variables state, time, member, component.
#include <algorithm>
#include <array>

#include "papillon/apps/states/netcdf_axis.hpp"
#include "papillon/apps/states/netcdf_file.hpp"
#include "papillon/apps/states/netcdf_output.hpp"
#include "papillon/apps/states/states.hpp"

namespace papillon::apps {
namespace {

const std::vector<std::string> axis_names = {"member", "time", "component"};

class NetcdfWriter : public StateWriter {
 public:
  NetcdfWriter(const std::filesystem::path& path, const StateLayout& layout)
      : layout_(layout), file_(path) {
    define();
  }

  void write(const Tensor<float>& states, std::size_t first_time) override {
    const std::array<std::size_t, 3> start = {0, first_time, 0};
    const std::array<std::size_t, 3> count = {layout_.members, states.extent(1), layout_.dimension};
    file_.check(nc_put_vara_float(file_.id(), state_, start.data(), count.data(), states.data()));
  }

  void commit() override { file_.commit(); }

 private:
  void define() {
    const std::array<std::size_t, 3> extents = {layout_.members, layout_.times, layout_.dimension};
    std::vector<int> axes;
    for (std::size_t i = 0; i < 3; ++i)
      axes.push_back(file_.dimension(axis_names[i].c_str(), extents[i]));
    const int member = file_.variable("member", NC_INT64, {axes[0]}, "member of the ensemble");
    // States whose step is not known have no time axis.
    const bool has_times = layout_.dt > 0 || layout_.times == 1;
    int time = 0;
    if (has_times) {
      time = file_.variable("time", NC_DOUBLE, {axes[1]}, "model time");
      file_.text(time, "units", "1");
      file_.text(time, "axis", "T");
    }
    const int component =
        file_.variable("component", NC_STRING, {axes[2]}, "component of the state");
    state_ = file_.states("state", NC_FLOAT, axes, "state of the dynamical system");
    std::array<std::size_t, 3> chunk = extents;
    chunk[1] = std::clamp<std::size_t>(layout_.block_times(), 1, layout_.times);
    chunk[0] = std::clamp<std::size_t>(65536 / (chunk[1] * chunk[2]), 1, layout_.members);
    file_.check(nc_def_var_chunking(file_.id(), state_, NC_CHUNKED, chunk.data()));
    file_.end_definitions(layout_.attributes);

    file_.put_numbers(member, layout_.members, 0);
    if (has_times) file_.put_times(time, layout_.times, 0, layout_.dt);
    for (std::size_t i = 0; i < layout_.dimension; ++i) {
      const std::string name = layout_.component(i);
      const char* pointer = name.c_str();
      file_.check(nc_put_var1_string(file_.id(), component, &i, &pointer));
    }
  }

  StateLayout layout_;
  NetcdfOutput file_;
  int state_ = 0;
};

}  // namespace

std::unique_ptr<StateWriter> open_netcdf_writer(const std::filesystem::path& path,
                                                const StateLayout& layout) {
  return std::make_unique<NetcdfWriter>(path, layout);
}

States read_netcdf_states(const std::filesystem::path& path) {
  const NetcdfFile file(path);
  const NetcdfVariable state(file, "state", axis_names);
  state.require_axes();
  state.require_floating_point();
  const Shape& extents = state.shape();
  States states;
  states.layout.members = extents[0];
  states.layout.times = extents[1];
  states.layout.dimension = extents[2];
  states.values = state.read<float>(Holes::refused)
                      .reshaped({static_cast<std::ptrdiff_t>(extents[0] * extents[1]),
                                 static_cast<std::ptrdiff_t>(extents[2])});
  states.layout.dt = time_step(file, axis_names[1]);
  return states;
}

}  // namespace papillon::apps
