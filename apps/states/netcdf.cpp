// States in NetCDF-4: dimensions member, time, component; variables state, time, member, component.
#include <fmt/format.h>
#include <netcdf.h>

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

#include "papillon/apps/build_info.hpp"
#include "papillon/apps/states/states.hpp"
#include "papillon/tensor/atomic_file.hpp"
#include "papillon/tensor/errors.hpp"

namespace papillon::apps {
namespace {

constexpr const char* axis_names[3] = {"member", "time", "component"};

class NetcdfWriter : public StateWriter {
 public:
  NetcdfWriter(const std::filesystem::path& path, const StateLayout& layout)
      : path_(path), layout_(layout), file_(path) {
    check(nc_create(file_.temporary().c_str(), NC_CLOBBER | NC_NETCDF4, &id_));
    open_ = true;
    define();
  }

  ~NetcdfWriter() override {
    if (open_) nc_close(id_);
  }

  void write(const Tensor<float>& states, std::size_t first_time) override {
    const std::array<std::size_t, 3> start = {0, first_time, 0};
    const std::array<std::size_t, 3> count = {layout_.members, states.extent(1), layout_.dimension};
    check(nc_put_vara_float(id_, state_, start.data(), count.data(), states.data()));
  }

  void commit() override {
    open_ = false;
    check(nc_close(id_));
    file_.commit();
  }

 private:
  void check(int status) const {
    if (status == NC_NOERR) return;
    // HDF5 keeps to itself why it failed; a full disk is what it mostly is.
    std::error_code unknown;
    const auto space = std::filesystem::space(file_.temporary().parent_path(), unknown);
    const bool full = status == NC_EHDFERR && !unknown && space.available < (1u << 20);
    throw OutputError(fmt::format("{}: cannot write: {}", path_.string(),
                                  full ? "the disk is full" : nc_strerror(status)));
  }

  void text(int variable, const char* name, const std::string& value) const {
    check(nc_put_att_text(id_, variable, name, value.size(), value.c_str()));
  }

  void define() {
    const std::array<std::size_t, 3> extents = {layout_.members, layout_.times, layout_.dimension};
    std::array<int, 3> axes{};
    for (std::size_t i = 0; i < 3; ++i) check(nc_def_dim(id_, axis_names[i], extents[i], &axes[i]));

    int member = 0, time = 0, component = 0;
    check(nc_def_var(id_, "member", NC_INT64, 1, &axes[0], &member));
    check(nc_def_var(id_, "time", NC_DOUBLE, 1, &axes[1], &time));
    check(nc_def_var(id_, "component", NC_STRING, 1, &axes[2], &component));
    check(nc_def_var(id_, "state", NC_FLOAT, 3, axes.data(), &state_));
    text(member, "long_name", "member of the ensemble");
    text(time, "long_name", "model time");
    text(time, "units", "1");
    text(time, "axis", "T");
    text(component, "long_name", "component of the state");
    text(state_, "long_name", "state of the dynamical system");
    text(state_, "units", "1");  // Lorenz's variables have no dimension
    const float fill = std::numeric_limits<float>::quiet_NaN();
    check(nc_put_att_float(id_, state_, "_FillValue", NC_FLOAT, 1, &fill));
    text(NC_GLOBAL, "Conventions", "CF-1.10");
    text(NC_GLOBAL, "source", fmt::format("papillon {} ({})", program_version, program_commit));
    for (const auto& [name, value] : layout_.attributes) text(NC_GLOBAL, name.c_str(), value);

    std::array<std::size_t, 3> chunk = extents;
    chunk[1] = std::clamp<std::size_t>(layout_.block_times(), 1, layout_.times);
    chunk[0] = std::clamp<std::size_t>(65536 / (chunk[1] * chunk[2]), 1, layout_.members);
    check(nc_def_var_chunking(id_, state_, NC_CHUNKED, chunk.data()));
    check(nc_enddef(id_));

    std::vector<long long> members(layout_.members);
    std::iota(members.begin(), members.end(), 0LL);
    check(nc_put_var_longlong(id_, member, members.data()));
    std::vector<double> times(layout_.times);
    for (std::size_t k = 0; k < times.size(); ++k) times[k] = static_cast<double>(k) * layout_.dt;
    check(nc_put_var_double(id_, time, times.data()));
    for (std::size_t i = 0; i < layout_.dimension; ++i) {
      const std::string name = layout_.component(i);
      const char* pointer = name.c_str();
      check(nc_put_var1_string(id_, component, &i, &pointer));
    }
  }

  std::filesystem::path path_;
  StateLayout layout_;
  AtomicFile file_;
  int id_ = 0, state_ = 0;
  bool open_ = false;
};

class NetcdfFile {
 public:
  explicit NetcdfFile(const std::filesystem::path& path) : path_(path) {
    if (!std::filesystem::is_regular_file(path))
      fail(std::filesystem::exists(path) ? "not a regular file" : "no such file");
    const int status = nc_open(path.c_str(), NC_NOWRITE, &id_);
    if (status != NC_NOERR) fail(fmt::format("not a NetCDF file: {}", nc_strerror(status)));
  }
  ~NetcdfFile() { nc_close(id_); }
  NetcdfFile(const NetcdfFile&) = delete;
  NetcdfFile& operator=(const NetcdfFile&) = delete;

  [[noreturn]] void fail(const std::string& what) const {
    throw InputError(fmt::format("{}: {}", path_.string(), what));
  }
  void check(int status) const {
    if (status != NC_NOERR) fail(fmt::format("cannot be read: {}", nc_strerror(status)));
  }

  States read() const {
    int variable = 0, rank = 0;
    if (nc_inq_varid(id_, "state", &variable) != NC_NOERR) fail("has no variable 'state'");
    check(nc_inq_varndims(id_, variable, &rank));
    if (rank != 3)
      fail(fmt::format("'state' has {} dimensions; member, time, component are needed", rank));
    nc_type type = 0;
    check(nc_inq_vartype(id_, variable, &type));
    if (type != NC_FLOAT && type != NC_DOUBLE) fail("'state' is neither float nor double");
    std::array<int, 3> axes{};
    std::array<std::size_t, 3> extents{};
    check(nc_inq_vardimid(id_, variable, axes.data()));
    for (std::size_t i = 0; i < 3; ++i) {
      char name[NC_MAX_NAME + 1] = {};
      check(nc_inq_dim(id_, axes[i], name, &extents[i]));
      if (std::string(name) != axis_names[i])
        fail(
            fmt::format("dimension {} of 'state' is '{}'; '{}' is needed", i, name, axis_names[i]));
    }
    for (const char* packing : {"scale_factor", "add_offset"})
      if (nc_inq_att(id_, variable, packing, nullptr, nullptr) == NC_NOERR)
        fail(fmt::format("'state' is packed ({}); write it unpacked", packing));
    check_size(variable, type, extents);
    States states;
    states.layout.members = extents[0];
    states.layout.times = extents[1];
    states.layout.dimension = extents[2];
    states.layout.dt = time_step(extents[1]);
    states.values = Tensor<float>(Shape{extents[0] * extents[1], extents[2]});
    if (!states.values.empty()) check(nc_get_var_float(id_, variable, states.values.data()));
    refuse_missing(variable, type, states.values);
    return states;
  }

 private:
  // Files that announce more than they hold are refused before memory is taken for them.
  void check_size(int variable, nc_type type, const std::array<std::size_t, 3>& extents) const {
    int shuffle = 0, deflate = 0, level = 0;
    nc_inq_var_deflate(id_, variable, &shuffle, &deflate, &level);
    double bytes = type == NC_FLOAT ? 4 : 8;
    for (const std::size_t extent : extents) bytes *= static_cast<double>(extent);
    const auto held = static_cast<double>(std::filesystem::file_size(path_));
    // No lossless compressor of HDF5 gets beyond a factor of about 1,000.
    if (bytes > (deflate != 0 ? 1032.0 : 1.0) * held)
      fail(fmt::format("announces {:.0f} bytes of states and is only {:.0f} bytes long", bytes,
                       held));
  }

  // What was masked or never written holds the fill value, a number like others (9.97e36 unless
  // _FillValue says otherwise; NaN is found with all other NaN).
  void refuse_missing(int variable, nc_type type, const Tensor<float>& values) const {
    int no_fill = 0;
    float fill = 0;
    if (type == NC_FLOAT) {
      check(nc_inq_var_fill(id_, variable, &no_fill, &fill));
    } else {
      double wide = 0;
      check(nc_inq_var_fill(id_, variable, &no_fill, &wide));
      fill = static_cast<float>(wide);
    }
    if (no_fill != 0) return;
    const auto missing = std::count(values.begin(), values.end(), fill);
    if (missing > 0) fail(fmt::format("{} values of 'state' are missing ({:g})", missing, fill));
  }

  double time_step(std::size_t times) const {
    int variable = 0, rank = 0;
    if (times < 2 || nc_inq_varid(id_, "time", &variable) != NC_NOERR) return 0;
    if (nc_inq_varndims(id_, variable, &rank) != NC_NOERR || rank != 1) return 0;
    std::array<double, 2> t{};
    const std::size_t start = 0, count = 2;
    if (nc_get_vara_double(id_, variable, &start, &count, t.data()) != NC_NOERR) return 0;
    return t[1] - t[0];
  }

  std::filesystem::path path_;
  int id_ = 0;
};

}  // namespace

std::unique_ptr<StateWriter> open_netcdf_writer(const std::filesystem::path& path,
                                                const StateLayout& layout) {
  return std::make_unique<NetcdfWriter>(path, layout);
}

States read_netcdf_states(const std::filesystem::path& path) {
  return NetcdfFile(path).read();
}

}  // namespace papillon::apps
