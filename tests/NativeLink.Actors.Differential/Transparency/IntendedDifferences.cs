namespace NativeLink.Actors.Differential.Transparency;

/// <summary>One way in which an action sees something else than a plain directory, on purpose.</summary>
/// <param name="Row">How the row of the table in README.md begins that gives the reason.</param>
/// <param name="Program">The program that shows it.</param>
/// <param name="Materialisers">Where it occurs; all of them when empty.</param>
/// <param name="OrdinaryUser">Whose: an ordinary user's, root's, or null for both.</param>
internal sealed record IntendedDifference(string Row, string Program, string[] Materialisers, bool? OrdinaryUser = null)
{
    public static IReadOnlyList<IntendedDifference> All { get; } =
    [
        new("inputs without an `mtime` property", "times of inputs, as a person's", []),
        new("inputs are read-only", "modes of inputs, as a person's", []),
        new("an absolute symbolic link", "absolute links as outputs", []),
        new("`/proc/self/oom_score_adj`", "who is ended when memory ends", []),
        new("an input file has more than one link", "link counts of inputs", ["overlay", "hardlink"]),
        new("the inode number of an input changes", "inode numbers stay", ["overlay"]),
        new("the inode number of an input changes", "a first change seen by who reads already", ["overlay"]),
        new("the device number of an input file", "device numbers", ["overlay"], OrdinaryUser: true),
        new("`rename` of an input directory", "rename of an input directory", ["overlay"], OrdinaryUser: true),
    ];

    public bool AppliesTo(string materialiser, bool ordinaryUser) =>
        (Materialisers.Length == 0 || Materialisers.Contains(materialiser))
            && (OrdinaryUser is null || OrdinaryUser == ordinaryUser);
}
