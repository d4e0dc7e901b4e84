using NativeLink.Actors.Worker.Processes;

namespace NativeLink.Actors.Worker.Tests.Processes;

public sealed class SlotBudgetTests
{
    [Theory]
    [InlineData(100, new[] { 8, 8 }, new[] { 8, 8 })]
    [InlineData(10, new[] { 8, 8 }, new[] { 5, 5 })]
    [InlineData(10, new[] { 2, 50 }, new[] { 2, 8 })]
    [InlineData(10, new[] { 50, 2 }, new[] { 8, 2 })]
    [InlineData(1, new[] { 4, 4, 4 }, new[] { 1, 1, 1 })]
    [InlineData(int.MaxValue, new[] { int.MaxValue, int.MaxValue }, new[] { 1073741823, 1073741824 })]
    public void The_budget_is_shared_and_each_worker_has_one_slot_at_least(int budget, int[] wanted, int[] given) =>
        Assert.Equal(given, SlotBudget.Share(budget, wanted));

    [Fact]
    public void What_is_measured_here_is_at_least_one() => Assert.True(SlotBudget.Measure().Slots >= 1);
}
