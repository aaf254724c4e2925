#include "protocol/unit_text.h"

#include <gtest/gtest.h>

#include <string>

namespace inro::protocol {
namespace {

// "name=value," of every field, ";" after each unit.
std::string Seen(void (*for_each)(std::string_view, const UnitVisitor&), std::string_view text) {
  std::string seen;
  for_each(text, [&](const UnitFields& fields) {
    for (const UnitField& field : fields) {
      seen += std::string(field.name) + "=" + std::string(field.value) + ",";
    }
    seen += ";";
  });
  return seen;
}

TEST(UnitText, RowsHaveTheColumnsOfTheFirstLine) {
  EXPECT_EQ(Seen(ForEachUnitRow, "unit\tpid\na\t1\nb\t\nshort\nc\t3\tmore\n"),
            "unit=a,pid=1,;unit=b,pid=,;unit=c,pid=3,;");
  EXPECT_EQ(Seen(ForEachUnitRow, "unit\tpid"), "");
  EXPECT_EQ(Seen(ForEachUnitRow, ""), "");
}

TEST(UnitText, BlocksEndWithAnEmptyLineOrTheText) {
  EXPECT_EQ(Seen(ForEachUnitBlock, "Id=a\nX=1=2\nnoise\n\n\nId=b\n"), "Id=a,X=1=2,;Id=b,;");
  EXPECT_EQ(Seen(ForEachUnitBlock, "Id=a"), "Id=a,;");
  EXPECT_EQ(Seen(ForEachUnitBlock, "\n\n"), "");
}

TEST(UnitText, Numbers) {
  EXPECT_EQ(NumberOf("12"), 12u);
  EXPECT_EQ(NumberOf("12abc"), 12u);
  EXPECT_EQ(NumberOf("[not set]"), 0u);
  EXPECT_EQ(NumberOf(""), 0u);
}

}  // namespace
}  // namespace inro::protocol
