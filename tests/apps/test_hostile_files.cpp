// Files that lie, and places that cannot be written: one line, exit code 3, and nothing left
// behind.
#include <netcdf.h>
#include <netcdf_filter.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>

#include "apps/netcdf_file.hpp"
#include "apps/program.hpp"
#include "catch.hpp"

using nlohmann::json;
using namespace papillon::test;

namespace {

constexpr const char* generate = "generate --members 1 --test-members 1 --steps 200 --burn-in 50 ";
constexpr const char* train =
    "train --out run --hidden 16 --blocks 1 --embedding 8 --batch-size 64 --samples 1280 --quiet ";

// The command refuses the input with 3 and one line that says this.
void must_refuse(const ProgramFolder& place, const std::string& arguments,
                 const std::string& mention) {
  const Outcome outcome = place.papillon(arguments);
  CAPTURE(arguments);
  CAPTURE(outcome.err);
  CHECK(outcome.code == 3);
  CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
  CHECK(outcome.err.find(mention) != std::string::npos);
}

std::string safetensors(const json& header, const std::string& data) {
  const std::string text = header.dump();
  const std::uint64_t size = text.size();
  std::string length(8, '\0');
  std::memcpy(length.data(), &size, 8);
  return length + text + data;
}

// A model as its header and its data.
std::pair<json, std::string> parts(const std::string& file) {
  std::uint64_t size = 0;
  std::memcpy(&size, file.data(), 8);
  return {json::parse(file.substr(8, size)), file.substr(8 + size)};
}

// [2, 10, 3] of that type, all 1 but the values of the last member, which are never written.
void write_states(const fs::path& path, int type, const char* attribute) {
  const std::array<std::size_t, 3> start{}, first_member{1, 10, 3};
  const std::vector<double> ones(30, 1.0);
  NetcdfTestFile file(path);
  const int variable = file.variable("state", type, state_axes, {2, 10, 3});
  if (attribute != nullptr) file.attribute(variable, attribute, NC_DOUBLE, {2});
  file.end_definitions();
  file.check(nc_put_vara_double(file.id, variable, start.data(), first_member.data(), ones.data()));
  REQUIRE(file.close());
}

}  // namespace

TEST_CASE("models that lie about what they hold") {
  const ProgramFolder place;
  REQUIRE(place.papillon(std::string(generate) + "--format npy --out data --quiet").code == 0);
  REQUIRE(place.papillon(std::string(train) + "--data data/train.npy").code == 0);
  // Clang 14 does not let lambdas capture structured bindings.
  const std::pair<json, std::string> good = parts(file_contents(place / "run/model.safetensors"));
  const json& header = good.first;
  const std::string& data = good.second;
  const std::string sample = "sample --model lie.safetensors --out s.npy --count 8 --steps 4 ";
  const auto refused = [&](const std::string& file, const std::string& mention) {
    put_file(place / "lie.safetensors", file);
    must_refuse(place, sample + "--quiet", mention);
    CHECK(!fs::exists(place / "s.npy"));
  };
  refused(safetensors(header, data.substr(1)), "lie.safetensors");
  refused(safetensors(header, data + "more"), "lie.safetensors");
  refused(safetensors(header, data).substr(0, 100), "lie.safetensors");

  const std::string name = "input_projection.weight";
  const auto changed = [&](const char* key, const json& value) {
    json other = header;
    other[name][key] = value;
    return safetensors(other, data);
  };
  const std::uint64_t huge = std::uint64_t{1} << 40;
  refused(changed("shape", {huge, huge}), name);
  refused(changed("shape", {-16, -3}), name);
  refused(changed("data_offsets", {8, 4}), name);
  refused(changed("data_offsets", {0, huge}), "lie.safetensors");
  refused(changed("dtype", "I32"), "lie.safetensors");  // as wide as F32, and no parameter
  for (const char* key : {"head", "schedule", "schedule_steps", "shift", "scale"}) {
    json other = header;
    other["__metadata__"][key] = "-99999999999999999999";
    refused(safetensors(other, data), key);
    other["__metadata__"].erase(key);
    refused(safetensors(other, data), key);
  }
  std::string poisoned = data;
  poisoned.replace(poisoned.size() - 4, 4, std::string("\x00\x00\xc0\x7f", 4));
  refused(safetensors(header, poisoned), "NaN");

  // Data at an odd address are legal.
  std::string text = header.dump();
  text.append(text.size() % 2 == 0 ? 1 : 2, ' ');
  const std::uint64_t size = text.size();
  std::string odd(8, '\0');
  std::memcpy(odd.data(), &size, 8);
  put_file(place / "lie.safetensors", odd + text + data);
  CHECK(place.papillon(sample + "--quiet").code == 0);
}

TEST_CASE("states that lie about what they hold") {
  const ProgramFolder place;
  REQUIRE(place.papillon(std::string(generate) + "--format npy --out data --quiet").code == 0);
  const std::string whole = file_contents(place / "data/train.npy");
  const auto refused = [&](const std::string& file, const std::string& mention) {
    must_refuse(place, std::string(train) + "--data " + file, mention);
    CHECK(!fs::exists(place / "run/model.safetensors"));
  };
  put_file(place / "long.npy", whole + "zz");
  refused("long.npy", "long.npy");
  // The same header, but for the shape: more than there is, and more than there can be.
  const std::string shape = "(1,200,3,)";
  const std::size_t at = whole.find(shape);
  REQUIRE(at != std::string::npos);
  for (const std::string other : {"(1, 900, 3)", "(9999999999999999, 9999999999999999, 3)",
                                  "(-1, 200, 3)", "(600,)", "(1, 200, 3", "(0, 200, 3)"}) {
    std::string file = whole;
    // Blanks at the end of the header keep its length.
    file.replace(at, shape.size(), other);
    const std::size_t end = file.find('\n');
    if (other.size() > shape.size())
      file.erase(end - (other.size() - shape.size()), other.size() - shape.size());
    else
      file.insert(end, shape.size() - other.size(), ' ');
    put_file(place / "lie.npy", file);
    refused("lie.npy", "lie.npy");
  }

  write_states(place / "missing.nc", NC_FLOAT, nullptr);
  refused("missing.nc", "30 values of 'state' are missing");
  write_states(place / "double.nc", NC_DOUBLE, nullptr);
  refused("double.nc", "30 values of 'state' are missing");
  write_states(place / "packed.nc", NC_FLOAT, "scale_factor");
  refused("packed.nc", "scale_factor");
  write_states(place / "integers.nc", NC_INT, nullptr);
  refused("integers.nc", "neither float nor double");
}

TEST_CASE("whatever filter makes a file small, its states are read") {
  const ProgramFolder place;
  // Of HDF5 itself: deflate, szip (if it was built with it), scale-offset.
  const std::vector<std::pair<unsigned, std::vector<unsigned>>> filters = {
      {1, {9}}, {4, {32, 8}}, {6, {0, 3}}};
  int smaller = 0;
  for (const auto& [filter, parameters] : filters) {
    CAPTURE(filter);
    NetcdfTestFile file(place / "f.nc");
    if (nc_inq_filter_avail(file.id, filter) != NC_NOERR) continue;
    const int variable = file.variable("state", NC_FLOAT, state_axes, {20, 3000, 3});
    const std::array<std::size_t, 3> chunk = {20, 3000, 3};
    file.check(nc_def_var_chunking(file.id, variable, NC_CHUNKED, chunk.data()));
    file.check(nc_def_var_filter(file.id, variable, filter, parameters.size(), parameters.data()));
    std::vector<double> values(20 * 3000 * 3);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i % 2);
    file.put(variable, values);
    if (!file.close()) continue;  // a filter that can only be read
    smaller += fs::file_size(place / "f.nc") < 4 * values.size();
    const Outcome outcome = place.papillon(std::string(train) + "--data f.nc");
    CAPTURE(outcome.err);
    CHECK(outcome.code == 0);
  }
  CHECK(smaller >= 1);  // deflate is always there
}

TEST_CASE("what was never written is missing, and takes no room in the file") {
  const ProgramFolder place;
  for (const bool in_chunks : {false, true}) {
    CAPTURE(in_chunks);
    for (const bool states : {true, false}) {
      NetcdfTestFile file(place / (states ? "s.nc" : "y.nc"));
      const std::array<std::size_t, 3> extents = {1, 20000, 3}, chunk = {1, 100, 3};
      const int variable = states
                               ? file.variable("state", NC_DOUBLE, state_axes, extents)
                               : file.variable("observation", NC_DOUBLE, observation_axes, extents);
      if (in_chunks) {
        file.check(nc_def_var_chunking(file.id, variable, NC_CHUNKED, chunk.data()));
        const std::array<std::size_t, 3> start = {0, 200, 0};
        const std::vector<double> ones(300, 1.0);
        file.end_definitions();
        file.check(nc_put_vara_double(file.id, variable, start.data(), chunk.data(), ones.data()));
      }
      REQUIRE(file.close());
    }
    REQUIRE(fs::file_size(place / "y.nc") < 20000 * 3 * 8);
    must_refuse(place, std::string(train) + "--data s.nc", "announces 480000 bytes of 'state'");
    CHECK(place
              .papillon("assimilate --quiet --trajectories 1 --cycles 300 --burn-in 0 --spin-up 1 "
                        "--observations y.nc")
              .code == 0);
  }
}

TEST_CASE("a small file that announces more than the memory is refused before any is taken") {
  const ProgramFolder place;
  for (const bool deflated : {false, true}) {
    for (const bool states : {true, false}) {
      CAPTURE(deflated, states);
      NetcdfTestFile file(place / "huge.nc");
      const std::array<std::size_t, 3> extents = {1000000, 1000000000, 3}, chunk = {1, 100, 3};
      const int variable = states
                               ? file.variable("state", NC_FLOAT, state_axes, extents)
                               : file.variable("observation", NC_FLOAT, observation_axes, extents);
      file.check(nc_def_var_chunking(file.id, variable, NC_CHUNKED, chunk.data()));
      if (deflated) file.check(nc_def_var_deflate(file.id, variable, 0, 1, 1));
      REQUIRE(file.close());
      must_refuse(place,
                  states ? std::string(train) + "--data huge.nc"
                         : std::string("assimilate --quiet --observations huge.nc"),
                  states && !deflated ? "announces 12000000000000000 bytes" : "GB of memory");
    }
  }
}

TEST_CASE("a classic file is as long as its header says, or refused") {
  const ProgramFolder place;
  for (const int format : {0, NC_64BIT_OFFSET, NC_64BIT_DATA}) {
    for (const bool records : {false, true}) {
      CAPTURE(format, records);
      NetcdfTestFile file(place / "c.nc", format);
      const int members = file.dimension("member", records ? NC_UNLIMITED : 2),
                times = file.dimension("time", 100), components = file.dimension("component", 3);
      file.text(NC_GLOBAL, "title", "three words more");
      const int flag = file.variable("flag", NC_BYTE, {components}),
                time = file.variable("time", NC_DOUBLE, {times}),
                state = file.variable("state", NC_FLOAT, {members, times, components});
      file.text(state, "units", "1");
      file.attribute(state, "missing_value", NC_SHORT, {-9});
      file.end_definitions();
      std::vector<double> t(100);
      for (std::size_t k = 0; k < t.size(); ++k) t[k] = static_cast<double>(k);
      file.put(flag, {1, 2, 3});
      file.put(time, t);
      const std::array<std::size_t, 3> start = {}, count = {2, 100, 3};
      std::vector<double> values(600);
      for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i % 7);
      file.check(nc_put_vara_double(file.id, state, start.data(), count.data(), values.data()));
      REQUIRE(file.close());
      const std::string command = train + std::string("--data c.nc");
      const Outcome whole = place.papillon(command);
      CAPTURE(whole.err);
      CHECK(whole.code == 0);
      const auto size = fs::file_size(place / "c.nc");
      for (const std::size_t cut : {1u, 4u, 100u, 2000u}) {
        fs::resize_file(place / "c.nc", size - cut);
        must_refuse(place, command, "c.nc: announces ");
      }
    }
  }
}

TEST_CASE("settings that are no settings") {
  const ProgramFolder place;
  const auto refused = [&](const std::string& text) {
    put_file(place / "c.toml", text);
    must_refuse(place, "info --config c.toml", "c.toml");
  };
  refused(
      std::string("\x7f"
                  "ELF\x02\x01\x00\x00",
                  8));
  refused("seed = 1\nseed = 2\n");
  refused("seed = 99999999999999999999999999\n");
  refused("[info\n");
  refused("seed = \"\xff\xfe\"\n");
  refused(std::string(5000, '['));
}

TEST_CASE("places that cannot be written") {
  const ProgramFolder place;
  // As root, permissions stop nobody: then another user runs a copy of the program.
  const std::string prepare =
      "chmod 755 . && cp \"$P\" p && mkdir locked && chmod 555 locked\n"
      "as=; [ $(id -u) -ne 0 ] || as='setpriv --reuid=65534 --regid=65534 --clear-groups'\n";
  const Outcome outcome = place.shell(prepare + "$as ./p " + generate + "--out locked --quiet");
  CAPTURE(outcome.err);
  CHECK(outcome.code == 3);
  CHECK(outcome.err.find("locked") != std::string::npos);
  CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
  CHECK(fs::is_empty(place / "locked"));
  must_refuse(place, "info --json - >/dev/full", "stdout");
  must_refuse(place, "info >/dev/full", "stdout");
  must_refuse(place, "info --json /proc/info.json --quiet", "/proc/info.json");
}
