#include "guest/generate/generate_role.h"

#include <cstdio>

#include "guest/generate/folder_output.h"
#include "guest/generate/topics.h"
#include "sys/file.h"

namespace inro::guest::generate {
namespace {

struct Topic {
  std::string_view name;
  Result<> (*write)(const Guest& guest, Output& output);
};

constexpr Topic kTopics[] = {
    {"console", WriteConsoleUnits},      {"clock", WriteClockUnits}, {"logs", WriteLogUnits},
    {"extensions", WriteExtensionUnits}, {"trace", WriteTraceUnits},
};

constexpr std::string_view kBlank = " \t\n";

// Calls `take` with each word; ends when it returns true, and says so.
template <class Take>
bool AnyWord(std::string_view line, Take take) {
  while (true) {
    const std::size_t first = line.find_first_not_of(kBlank);
    if (first == std::string_view::npos) return false;
    line.remove_prefix(first);
    const std::string_view word = line.substr(0, line.find_first_of(kBlank));
    if (take(word)) return true;
    line.remove_prefix(word.size());
  }
}

Result<> Generate(const std::string& units) {
  INRO_ASSIGN(std::string line, sys::ReadFile("/proc/cmdline"));
  while (line.ends_with('\n')) line.pop_back();
  const protocol::KernelCommandLine parameters(line);
  const sys::DiskFileSource files;
  protocol::ControlPolicy policy = protocol::kPolicyWithoutFile;
  const std::string policy_path(protocol::kControlPolicyPath);
  if (files.TypeOf(policy_path) != sys::FileSource::Type::kAbsent) {
    // What cannot be read is closed, as what cannot be parsed.
    const auto text = files.Read(policy_path, 4096);
    policy = protocol::ParseControlPolicy(text ? *text : "");
  }
  FolderOutput output(units, "/run");
  return RunTopics({line, parameters, policy, files}, output);
}

}  // namespace

bool HasWord(std::string_view command_line, std::string_view word) {
  return AnyWord(command_line, [&](std::string_view candidate) { return candidate == word; });
}

std::string_view WordValue(std::string_view command_line, std::string_view name) {
  std::string_view value;
  // The last one counts, as for the kernel.
  AnyWord(command_line, [&](std::string_view word) {
    if (word.starts_with(name) && word.substr(name.size()).starts_with('=')) {
      value = word.substr(name.size() + 1);
    }
    return false;
  });
  return value;
}

Result<> RunTopics(const Guest& guest, Output& output) {
  Result<> first;
  for (const Topic& topic : kTopics) {
    auto written = topic.write(guest, output);
    if (!written && first) {
      first = std::unexpected(written.error().Wrap(fmt::format("units of topic {}", topic.name)));
    }
  }
  return first;
}

int RunGenerate(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("usage: inro-generate NORMAL-DIR [EARLY-DIR LATE-DIR]\n", stderr);
    return 2;
  }
  const auto generated = Generate(argv[1]);
  if (generated) return 0;
  std::fprintf(stderr, "inro-generate: %s\n", generated.error().ToString().c_str());
  return 1;
}

}  // namespace inro::guest::generate
