// Checks of single values in a definition: each returns what is wrong and would be right, or "".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace inro::image {

std::string CheckName(std::string_view value);
std::string CheckHostName(std::string_view value);
std::string CheckInit(std::string_view value);
std::string CheckSuite(std::string_view value);
std::string CheckPackage(std::string_view value);
std::string CheckUri(std::string_view value);
std::string CheckComponent(std::string_view value);
std::string CheckArchitecture(std::string_view value);
std::string CheckModule(std::string_view value);
std::string CheckUnitName(std::string_view value);
std::string CheckGuestPath(std::string_view value);
std::string CheckAccount(std::string_view value);
std::string CheckImageTag(std::string_view value);
std::string CheckExtension(std::string_view value);
std::string CheckKernelWord(std::string_view value);

// "64M", "1G", "4096": bytes (K, M, G, T are powers of 1024). Nothing when it is none.
std::optional<std::uint64_t> ParseSize(std::string_view text);
// "0755": four octal digits at most, with an optional leading 0. Nothing when it is none.
std::optional<std::uint32_t> ParseMode(std::string_view text);

}  // namespace inro::image
