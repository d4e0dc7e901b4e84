using System.Text;

namespace NativeLink.Actors.Storage.Trees;

/// <summary>
/// Where in a tree a directory was met first: its name and where its parent was. Null stands for
/// the root. Paths are put together for messages alone.
/// </summary>
internal sealed record TreePath(TreePath? Parent, string Name)
{
    private const int Shown = 300;

    /// <summary>A path that a message can show.</summary>
    public static string Describe(TreePath? place)
    {
        if (place is null)
            return ".";
        var names = new List<string>();
        for (var at = place; at is not null; at = at.Parent)
            names.Add(at.Name);
        var text = new StringBuilder();
        for (var i = names.Count - 1; i >= 0 && text.Length <= Shown; i--)
            text.Append(text.Length == 0 ? "" : "/").Append(names[i]);
        var path = text.ToString();
        return path.Length <= Shown ? path : MessageText.Head(path, Shown) + "…";
    }
}
