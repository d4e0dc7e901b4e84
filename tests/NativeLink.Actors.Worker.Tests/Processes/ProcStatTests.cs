using NativeLink.Actors.Worker.Processes;

namespace NativeLink.Actors.Worker.Tests.Processes;

public sealed class ProcStatTests
{
    private const string Rest = " 0 -1 4194560 100 0 0 0 ";

    [Theory]
    [InlineData("315 (perl) S 1 60 60 0 -1 4194560", 60)]
    [InlineData("1234 (weird )( name) R 1 777 777 0 -1", 777)]
    [InlineData("7 (a\nb) 5 ) S 1 42 42\n", 42)]
    public void NL_090_NL_091_The_process_group_follows_the_name_whatever_is_in_it(string stat, int expected) =>
        Assert.Equal(expected, ProcStat.ProcessGroup(stat));

    [Theory]
    [InlineData("315 (perl) S 1 60 60" + Rest + "120 34 0 0 20 0 1 0 5555 0", 154)]
    [InlineData("1234 (weird )( name) R 1 777 777" + Rest + "11 22 0 0 20 0 1 0 5555 0", 33)]
    public void NL_092_NL_093_Processor_time_is_user_and_system_time(string stat, long expected)
    {
        Assert.Equal(expected, ProcStat.CpuTicks(stat));
        Assert.Equal(5555, ProcStat.StartTicks(stat));
    }

    [Theory]
    [InlineData("")]
    [InlineData("315 (perl S 1 60 60")]
    [InlineData("315 (perl)")]
    [InlineData("315 (perl) ")]
    [InlineData("315 (perl) S 1")]
    [InlineData("315 (perl) S one sixty 60" + Rest + "many few 0 0")]
    [InlineData("315 (perl) S 1 99999999999 60" + Rest + "-1 -2 0 0")]
    public void NL_094_Malformed_text_gives_no_value(string stat)
    {
        Assert.Null(ProcStat.ProcessGroup(stat));
        Assert.Null(ProcStat.CpuTicks(stat));
    }

    [Fact]
    public void The_text_of_this_process_can_be_read()
    {
        var stat = File.ReadAllText("/proc/self/stat");
        Assert.True(ProcStat.ProcessGroup(stat) > 0);
        Assert.True(ProcStat.CpuTicks(stat) >= 0);
        Assert.True(ProcStat.StartTicks(stat) > 0);
        Assert.True(ProcStat.Parent(stat) >= 0);
    }
}
