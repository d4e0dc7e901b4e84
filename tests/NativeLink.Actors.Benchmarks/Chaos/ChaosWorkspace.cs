using System.Globalization;
using System.Text;

namespace NativeLink.Actors.Benchmarks.Chaos;

/// <summary>
/// The workspace that is built where none is named: layers of small actions, each of which needs some of the layer
/// before; C files are compiled where there is a compiler.
/// </summary>
internal static class ChaosWorkspace
{
    private const int Layers = 6;
    private const int Width = 40;
    private const int Sources = 40;

    /// <summary>Writes it, with empty stand-ins for the rule repositories that Bazel's own rules name.</summary>
    public static void Write(string directory)
    {
        Directory.CreateDirectory(directory);
        foreach (var repository in (string[])["rules_cc", "rules_java", "rules_proto", "remote_coverage_tools"])
        {
            var stub = Directory.CreateDirectory(Path.Combine(directory, "stubs", repository)).FullName;
            File.WriteAllText(Path.Combine(stub, "WORKSPACE"), "");
            File.WriteAllText(Path.Combine(stub, "BUILD"), "");
            File.AppendAllText(Path.Combine(directory, "WORKSPACE"),
                $"local_repository(name = \"{repository}\", path = \"stubs/{repository}\")\n");
        }
        File.WriteAllText(Path.Combine(directory, ".bazelignore"), "stubs\n");
        File.WriteAllText(Path.Combine(directory, "in.txt"), "the input of the first layer\n");
        var build = new StringBuilder(File.Exists("/usr/bin/gcc") ? Compiled(directory) : "");
        for (var layer = 0; layer < Layers; layer++)
        {
            for (var at = 0; at < Width; at++)
                build.Append(Rule(layer, at));
        }
        File.WriteAllText(Path.Combine(directory, "BUILD"), build.ToString());
    }

    private static string Compiled(string directory)
    {
        var build = new StringBuilder();
        for (var at = 0; at < Sources; at++)
        {
            File.WriteAllText(Path.Combine(directory, $"s{at}.c"), string.Create(CultureInfo.InvariantCulture, $$"""
                #include <stdio.h>
                int step{{at}}(int n) { int s = {{at}}; for (int i = 0; i < n; i++) s = s * 31 + i; return s; }
                int main(void) { printf("%d\n", step{{at}}(1000)); return 0; }

                """));
            build.Append(CultureInfo.InvariantCulture, $$"""
                genrule(name = "s{{at}}", srcs = ["s{{at}}.c"], outs = ["s{{at}}.bin", "s{{at}}.out"],
                    cmd = "gcc -O2 -o $(location s{{at}}.bin) $< && $(location s{{at}}.bin) > $(location s{{at}}.out)")

                """);
        }
        return build.ToString();
    }

    private static string Rule(int layer, int at)
    {
        var sources = layer == 0
            ? "\"in.txt\""
            : $"\":l{layer - 1}_{at}\", \":l{layer - 1}_{(at + (3 * layer) + 1) % Width}\"";
        // Some 0.2 s each, half of it a processor's; every eighth has an output of a megabyte.
        var large = at % 8 == 0 ? "; head -c 1000000 /dev/zero" : "";
        return string.Create(CultureInfo.InvariantCulture, $$"""
            genrule(name = "l{{layer}}_{{at}}", srcs = [{{sources}}], outs = ["l{{layer}}_{{at}}.txt"], cmd =
                "d=$$(cat $(SRCS) | sha256sum); for i in 1 2 3 4 5 6 7 8; do " +
                "d=$$(echo $$d {{at}} | sha256sum); done; sleep 0.1; { echo {{layer}} {{at}} $$d{{large}}; } > $@; echo from {{layer}} {{at}} >&2")

            """);
    }
}
