#include "guest/agent/metrics.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <initializer_list>
#include <set>
#include <span>
#include <string_view>
#include <vector>

#include "protocol/metrics_text.h"
#include "sys/file.h"

namespace inro::guest::agent {
namespace {

std::string_view TakeUntil(std::string_view& rest, char end) {
  const std::size_t at = rest.find(end);
  const std::string_view part = rest.substr(0, at);
  rest = at == std::string_view::npos ? std::string_view() : rest.substr(at + 1);
  return part;
}

std::vector<std::string_view> Words(std::string_view line) {
  std::vector<std::string_view> words;
  while (true) {
    const std::size_t start = line.find_first_not_of(" \t\n");
    if (start == std::string_view::npos) return words;
    line.remove_prefix(start);
    const std::size_t size = std::min(line.find_first_of(" \t\n"), line.size());
    words.push_back(line.substr(0, size));
    line.remove_prefix(size);
  }
}

std::uint64_t Number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

class Writer {
 public:
  explicit Writer(std::string& text) : text_(text) {}

  void Family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    text_ += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
  }
  using Label = std::pair<std::string_view, std::string_view>;
  // `value` is a decimal number.
  void Sample(std::initializer_list<Label> labels, std::string_view value) {
    text_ += name_;
    char before = '{';
    for (const auto& [key, label] : labels) {
      text_ += before;
      text_ += fmt::format("{}=\"", key);
      for (const char byte : label) {
        if (byte == '"' || byte == '\\') text_ += '\\';
        text_ += byte == '\n' ? ' ' : byte;
      }
      text_ += '"';
      before = ',';
    }
    if (before == ',') text_ += '}';
    text_ += ' ';
    text_ += value;
    text_ += '\n';
  }
  void Sample(std::initializer_list<Label> labels, std::uint64_t value) {
    Sample(labels, std::to_string(value));
  }
  // One sample per column, with the label item.
  void Columns(std::initializer_list<Label> labels, std::span<const std::string_view> names,
               std::span<const std::string_view> values) {
    for (std::size_t i = 0; i < std::min(names.size(), values.size()); ++i) {
      if (labels.size() == 0) {
        Sample({{"item", names[i]}}, values[i]);
      } else {
        Sample({*labels.begin(), {"item", names[i]}}, values[i]);
      }
    }
  }

 private:
  std::string& text_;
  std::string_view name_;
};

class Reader {
 public:
  explicit Reader(const std::string& proc) : proc_(proc) {}
  std::string operator()(std::string_view file) const {
    return sys::ReadFile(proc_ + "/" + std::string(file), std::size_t{1} << 20).value_or("");
  }

 private:
  const std::string& proc_;
};

// The fields of /proc/self/stat behind the name, the state being the first (proc(5) field 3).
std::vector<std::string_view> StatFields(std::string_view stat) {
  const std::size_t end = stat.rfind(')');
  return end == std::string_view::npos ? std::vector<std::string_view>()
                                       : Words(stat.substr(end + 1));
}

void WriteAgent(const Reader& read, std::uint64_t scrapes, Writer& out) {
  const std::string stat = read("self/stat");
  const std::vector<std::string_view> fields = StatFields(stat);
  // proc(5) numbers from 1; fields[0] is field 3.
  const auto field = [&](std::size_t number) { return Number(fields[number - 3]); };
  if (fields.size() >= 22) {
    const auto ticks = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
    const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    const std::uint64_t hundredths = (field(14) + field(15)) * 100 / ticks;
    out.Family("kata_agent_threads", "gauge", "Threads of the agent.");
    out.Sample({}, field(20));
    out.Family("kata_agent_total_time", "gauge", "Processor seconds of the agent.");
    out.Sample({}, fmt::format("{}.{:02}", hundredths / 100, hundredths % 100));
    out.Family("kata_agent_total_vm", "gauge", "Virtual memory of the agent in bytes.");
    out.Sample({}, field(23));
    out.Family("kata_agent_total_rss", "gauge", "Resident memory of the agent in bytes.");
    out.Sample({}, field(24) * page);
    out.Family("kata_agent_proc_stat", "gauge", "Times of the agent in clock ticks.");
    for (const auto& [name, number] : {std::pair<std::string_view, std::size_t>{"utime", 14},
                                       {"stime", 15},
                                       {"cutime", 16},
                                       {"cstime", 17}}) {
      out.Sample({{"item", name}}, field(number));
    }
  }
  out.Family("kata_agent_proc_status", "gauge", "Memory and switches of the agent.");
  const std::string status = read("self/status");
  for (std::string_view rest = status; !rest.empty();) {
    std::string_view line = TakeUntil(rest, '\n');
    std::string name(TakeUntil(line, ':'));
    const std::vector<std::string_view> words = Words(line);
    if (words.empty() ||
        (!name.starts_with("Vm") && !name.starts_with("Rss") && !name.ends_with("ctxt_switches"))) {
      continue;
    }
    for (char& byte : name) byte = byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte + 32) : byte;
    out.Sample({{"item", name}}, Number(words[0]) * (words.size() > 1 ? 1024 : 1));
  }
  out.Family("kata_agent_io_stat", "gauge", "Input and output of the agent in bytes and calls.");
  const std::string io = read("self/io");
  for (std::string_view rest = io; !rest.empty();) {
    std::string_view line = TakeUntil(rest, '\n');
    const std::string_view name = TakeUntil(line, ':');
    if (const auto words = Words(line); !words.empty()) out.Sample({{"item", name}}, words[0]);
  }
  out.Family("kata_agent_scrape_count", "counter", "How often these metrics were read.");
  out.Sample({}, scrapes);
}

void WriteLoad(const Reader& read, Writer& out) {
  const std::string text = read("loadavg");
  const std::vector<std::string_view> words = Words(text);
  if (words.size() < 4) return;
  out.Family("kata_guest_load", "gauge", "Load of the guest.");
  constexpr std::array<std::string_view, 3> kItems = {"load1", "load5", "load15"};
  out.Columns({}, kItems, words);
  std::string_view tasks = words[3];
  const std::string_view running = TakeUntil(tasks, '/');
  out.Family("kata_guest_tasks", "gauge", "Tasks of the guest: running, and all.");
  out.Sample({{"item", "cur"}}, running);
  out.Sample({{"item", "max"}}, tasks);
}

void WriteCpu(const Reader& read, Writer& out) {
  constexpr std::array<std::string_view, 10> kItems = {
      "user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "guest", "guest_nice"};
  out.Family("kata_guest_cpu_time", "gauge", "Processor time of the guest in clock ticks.");
  const std::string stat = read("stat");
  for (std::string_view rest = stat; !rest.empty();) {
    const std::vector<std::string_view> words = Words(TakeUntil(rest, '\n'));
    if (words.size() < 2 || !words[0].starts_with("cpu")) continue;
    const std::string_view cpu = words[0] == "cpu" ? "total" : words[0].substr(3);
    out.Columns({{"cpu", cpu}}, kItems, std::span(words).subspan(1));
  }
}

void WriteVmStat(const Reader& read, Writer& out) {
  out.Family("kata_guest_vm_stat", "gauge", "Virtual memory of the guest (/proc/vmstat).");
  const std::string text = read("vmstat");
  for (std::string_view rest = text; !rest.empty();) {
    const std::vector<std::string_view> words = Words(TakeUntil(rest, '\n'));
    if (words.size() == 2) out.Sample({{"item", words[0]}}, words[1]);
  }
}

void WriteNetwork(const Reader& read, Writer& out) {
  constexpr std::array<std::string_view, 16> kItems = {
      "recv_bytes", "recv_packets", "recv_errs",       "recv_drop",
      "recv_fifo",  "recv_frame",   "recv_compressed", "recv_multicast",
      "sent_bytes", "sent_packets", "sent_errs",       "sent_drop",
      "sent_fifo",  "sent_colls",   "sent_carrier",    "sent_compressed"};
  out.Family("kata_guest_netdev_stat", "gauge", "Network interfaces of the guest.");
  const std::string text = read("net/dev");
  for (std::string_view rest = text; !rest.empty();) {
    std::string_view line = TakeUntil(rest, '\n');
    if (line.find(':') == std::string_view::npos) continue;
    const std::vector<std::string_view> name = Words(TakeUntil(line, ':'));
    if (!name.empty()) out.Columns({{"interface", name[0]}}, kItems, Words(line));
  }
}

void WriteDisks(const Reader& read, Writer& out) {
  constexpr std::array<std::string_view, 11> kItems = {"reads",
                                                       "merged",
                                                       "sectors_read",
                                                       "time_reading",
                                                       "writes",
                                                       "writes_merged",
                                                       "sectors_written",
                                                       "time_writing",
                                                       "in_progress",
                                                       "time_in_progress",
                                                       "weighted_time_in_progress"};
  out.Family("kata_guest_diskstat", "gauge", "Disks of the guest.");
  const std::string text = read("diskstats");
  for (std::string_view rest = text; !rest.empty();) {
    const std::vector<std::string_view> words = Words(TakeUntil(rest, '\n'));
    if (words.size() > 3) out.Columns({{"disk", words[2]}}, kItems, std::span(words).subspan(3));
  }
}

struct FileSystem {
  std::string mount_point;
  struct statvfs stat;
};

// Those that hold blocks; the pseudo file systems do not.
std::vector<FileSystem> FileSystems(const Reader& read) {
  std::vector<FileSystem> systems;
  std::set<std::string> seen;
  const std::string text = read("self/mounts");
  for (std::string_view rest = text; !rest.empty();) {
    const std::vector<std::string_view> words = Words(TakeUntil(rest, '\n'));
    // A share of the host's may hang: its numbers are the host's anyway.
    if (words.size() < 3 || words[2] == "virtiofs" || words[2] == "9p") continue;
    FileSystem system{.mount_point = std::string(words[1]), .stat = {}};
    if (!seen.insert(system.mount_point).second) continue;
    if (::statvfs(system.mount_point.c_str(), &system.stat) != 0) continue;
    if (system.stat.f_blocks > 0) systems.push_back(std::move(system));
  }
  return systems;
}

void WriteFileSystems(const Reader& read, Writer& out) {
  const std::vector<FileSystem> systems = FileSystems(read);
  out.Family("kata_guest_filesystem_bytes", "gauge", "File systems of the guest.");
  for (const auto& [path, stat] : systems) {
    out.Sample({{"mount", path}, {"item", "total"}}, stat.f_blocks * stat.f_frsize);
    out.Sample({{"mount", path}, {"item", "used"}}, (stat.f_blocks - stat.f_bfree) * stat.f_frsize);
    out.Sample({{"mount", path}, {"item", "available"}}, stat.f_bavail * stat.f_frsize);
  }
  out.Family("kata_guest_filesystem_inodes", "gauge", "Inodes of the guest's file systems.");
  for (const auto& [path, stat] : systems) {
    out.Sample({{"mount", path}, {"item", "total"}}, stat.f_files);
    out.Sample({{"mount", path}, {"item", "used"}}, stat.f_files - stat.f_ffree);
    out.Sample({{"mount", path}, {"item", "available"}}, stat.f_favail);
  }
}

}  // namespace

std::string ReadMetrics(const std::string& proc, std::uint64_t scrapes) {
  std::string text;
  const Reader read(proc);
  // Memory first: the rest of this function takes some.
  protocol::AppendMeminfo(read("meminfo"), text);
  Writer out(text);
  WriteAgent(read, scrapes, out);
  WriteLoad(read, out);
  WriteCpu(read, out);
  WriteVmStat(read, out);
  WriteNetwork(read, out);
  WriteDisks(read, out);
  WriteFileSystems(read, out);
  return text;
}

}  // namespace inro::guest::agent
