// Files that lie, and places that cannot be written: one line, exit code 3, and nothing left
// behind.
#include <netcdf.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>

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
  int id = 0, variable = 0;
  std::array<int, 3> axes{};
  const std::array<std::size_t, 3> extents{2, 10, 3}, start{}, first_member{1, 10, 3};
  const std::vector<double> ones(30, 1.0);
  const double two = 2;
  bool good = nc_create(path.c_str(), NC_CLOBBER | NC_NETCDF4, &id) == NC_NOERR;
  const char* names[] = {"member", "time", "component"};
  for (std::size_t i = 0; i < 3; ++i)
    good &= nc_def_dim(id, names[i], extents[i], &axes[i]) == NC_NOERR;
  good &= nc_def_var(id, "state", type, 3, axes.data(), &variable) == NC_NOERR;
  if (attribute != nullptr)
    good &= nc_put_att_double(id, variable, attribute, NC_DOUBLE, 1, &two) == NC_NOERR;
  good &=
      nc_put_vara_double(id, variable, start.data(), first_member.data(), ones.data()) == NC_NOERR;
  REQUIRE((nc_close(id) == NC_NOERR && good));
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
