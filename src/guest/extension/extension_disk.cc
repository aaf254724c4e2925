#include "guest/extension/extension_disk.h"

#include <charconv>

#include "protocol/extension_parameter.h"

namespace inro::guest::extension {
namespace {

constexpr std::size_t kLongestValue = 4096;
constexpr std::uint64_t kSector = 512;

std::string ReadLine(const sys::FileSource& files, const std::string& path) {
  std::string text = files.Read(path, kLongestValue).value_or("");
  text.resize(std::min(text.find('\n'), text.size()));
  return text;
}

BlockDevice ReadDevice(const sys::FileSource& files, const std::string& folder) {
  BlockDevice device;
  device.name = folder.substr(folder.rfind('/') + 1);
  device.number = ReadLine(files, folder + "/dev");
  const std::string size = ReadLine(files, folder + "/size");
  std::uint64_t sectors = 0;
  std::from_chars(size.data(), size.data() + size.size(), sectors);
  if (!device.number.empty()) device.bytes = sectors * kSector;
  return device;
}

}  // namespace

Result<ExtensionDisk> FindExtensionDisk(const sys::FileSource& files, std::string_view serial) {
  const std::string_view told = serial.substr(0, protocol::kSerialBytes);
  std::string found;
  for (const std::string& name : files.List("/sys/block")) {
    if (ReadLine(files, fmt::format("/sys/block/{}/serial", name)) != told) continue;
    if (!found.empty()) return Fail("{} and {} both have the serial {}", found, name, told);
    found = name;
  }
  if (found.empty()) return FailAs(ErrorKind::kNotFound, "no disk has the serial {}", told);
  const std::string folder = "/sys/block/" + found;
  // "vdb1", but "nvme0n1p1".
  const char last = found.back();
  const std::string before = folder + "/" + found + (last >= '0' && last <= '9' ? "p" : "");
  ExtensionDisk disk;
  disk.disk = ReadDevice(files, folder);
  disk.data = ReadDevice(files, before + "1");
  disk.hash = ReadDevice(files, before + "2");
  if (!disk.data.exists()) disk.data = disk.disk;
  if (!disk.data.exists()) return Fail("disk {} is empty", found);
  return disk;
}

}  // namespace inro::guest::extension
