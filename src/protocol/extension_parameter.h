// What the runtime tells the guest of its extension images (Kata 4, "guest extension images"): a
// word kata.extension.NAME.verity_params on the kernel's command line for each, with the parameters
// of dm-verity, or bare for an image without them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace inro::protocol {

// The disk of the extension "tools" has the serial "extension-tools"; its content is seen below
// /run/kata-extensions/tools; so are called the device-mapper device and the instance of the unit.
inline constexpr std::string_view kExtensionFolder = "/run/kata-extensions";
inline constexpr std::string_view kExtensionTemplate = "kata-extension-mount@";

// Letters, digits, '_' and '-': safe as the instance of a unit and as a file's name. At most 64.
bool IsExtensionName(std::string_view name);

// A virtio disk tells at most 20 bytes of its serial.
inline constexpr std::size_t kSerialBytes = 20;
// What is left of it for a name; Kata's script compares all of the serial.
inline constexpr std::size_t kLongestExtensionName = 10;
std::string ExtensionSerial(std::string_view name);      // not cut: also the device-mapper name
std::string ExtensionUnit(std::string_view name);        // kata-extension-mount@NAME.service
std::string ExtensionMountPoint(std::string_view name);  // /run/kata-extensions/NAME
std::string ExtensionParameter(std::string_view name);   // kata.extension.NAME.verity_params

struct ExtensionWord {
  std::string name;
  std::string value;  // empty: no dm-verity
  bool operator==(const ExtensionWord&) const = default;
};
// The extensions of a command line in its order, each once: of several words for one the last
// counts. Words with what is no name are put into `bad`, where it is given.
std::vector<ExtensionWord> ExtensionWords(std::string_view command_line,
                                          std::vector<std::string>* bad = nullptr);

// root_hash=...,salt=...,data_blocks=...,data_block_size=...,hash_block_size=... in any order: a
// hash tree of SHA-256, format 1 (salt first), without a superblock.
struct VerityParameters {
  std::string root_hash;                 // 64 lower-case hexadecimal digits
  std::string salt;                      // lower-case hexadecimal digits, an even number up to 512
  std::uint64_t data_blocks = 0;         // at least 1, at most 2^40
  std::uint32_t data_block_size = 4096;  // a power of two from 512 to 4096
  std::uint32_t hash_block_size = 4096;  // the same

  std::uint64_t data_bytes() const { return data_blocks * data_block_size; }
  bool operator==(const VerityParameters&) const = default;
};
// Safe on any bytes. root_hash and data_blocks must be there; a key that is given twice, a value
// out of range or a key without one is an error, a key that is not known is skipped.
Result<VerityParameters> ParseVerityParameters(std::string_view text);
std::string ToString(const VerityParameters& parameters);

}  // namespace inro::protocol
