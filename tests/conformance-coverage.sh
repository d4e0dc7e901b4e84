#!/usr/bin/env bash
# Which of the numbered behaviours (behaviours.md: number, class, text) a test's name carries (NL_nnn), which are excepted
# (conformance-exceptions.md, with the reason), and which are missing. Exit status 0 when none of class bb, sched, cas or e2e is missing.
set -u
cd "$(dirname "$0")" || exit 2
required=$(awk '$1 == "|" && $4 ~ /^(bb|sched|cas|e2e)$/ {print $2}' behaviours.md | sort -u)
all=$(awk '$1 == "|" && $2 ~ /^NL-/ {print $2}' behaviours.md | sort -u)
# a test's name: a method of a [Fact] or [Theory], never a comment
tested=$(grep -rhoE --include='*.cs' '(void|Task|ValueTask) [A-Za-z0-9_]*NL_[0-9]{3}[A-Za-z0-9_]*\(' . | grep -oE 'NL_[0-9]{3}' | tr _ - | sort -u)
excepted=$(grep -oE '^\| NL-[0-9]{3}' conformance-exceptions.md 2>/dev/null | grep -oE 'NL-[0-9]{3}' | sort -u)
both=$(comm -12 <(echo "$tested") <(echo "$excepted") | grep . )
unknown=$(comm -23 <(sort -u <(echo "$tested") <(echo "$excepted")) <(echo "$all") | grep .)
missing=$(comm -23 <(echo "$required") <(sort -u <(echo "$tested") <(echo "$excepted")) | grep .)
count() { grep -c . <<<"$1"; }
echo "numbers: $(count "$required") required, $(count "$(comm -12 <(echo "$required") <(echo "$tested"))") tested, $(count "$(comm -12 <(echo "$required") <(echo "$excepted"))") excepted, missing $(count "$missing")"
echo "besides: $(count "$(comm -13 <(echo "$required") <(comm -12 <(echo "$all") <(echo "$tested")))") of the unit-level and differing ones tested"
[ -z "$missing" ] || echo "missing: $(tr '\n' ' ' <<<"$missing")"
[ -z "$unknown" ] || echo "no such number: $(tr '\n' ' ' <<<"$unknown")"
[ -z "$both" ] || echo "tested, so no exception any more: $(tr '\n' ' ' <<<"$both")"
if [ -n "$excepted" ]; then echo "excepted:"; grep -E '^\| NL-' conformance-exceptions.md | sed 's/^| \(NL-[0-9]*\) *| *\(.*\) |$/  \1 \2/'; fi
[ -z "$missing" ] && [ -z "$unknown" ]
