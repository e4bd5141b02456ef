using Millrace.Recipes.AdjointDpm;
using Millrace.Recipes.ASdmRedundancy;
using Millrace.Recipes.Boot;
using Millrace.Recipes.Ddo;
using Millrace.Recipes.DpmOt;
using Millrace.Recipes.Dycl;
using Millrace.Recipes.EcoDiff;
using Millrace.Recipes.InstaFlow;
using Millrace.Recipes.LaptopDiff;
using Millrace.Recipes.MmdDdm;
using Millrace.Recipes.MultiStudent;
using Millrace.Recipes.NitroFusion;
using Millrace.Recipes.Ptq4Dm;
using Millrace.Recipes.RectifiedDiffusion;
using Millrace.Recipes.RectifiedFlow;
using Millrace.Recipes.RectifiedFlowPlusPlus;
using Millrace.Recipes.SlimFlow;

namespace Millrace.Recipes;

/// <summary>All recipes.</summary>
public static class RecipeBook
{
    /// <summary>All, by name.</summary>
    public static IReadOnlyList<Recipe> All { get; } =
    [
        new RectifiedFlowRecipe(), new RectifiedFlowPlusPlusRecipe(), new RectifiedDiffusionRecipe(), new InstaFlowRecipe(), new SlimFlowRecipe(), new BootRecipe(),
        new MmdDdmRecipe(), new AdjointDpmRecipe(), new DdoRecipe(), new DpmOtRecipe(), new MultiStudentRecipe(), new NitroFusionRecipe(),
        new LaptopDiffRecipe(), new EcoDiffRecipe(), new ASdmRedundancyRecipe(), new DyclRecipe(), new Ptq4DmRecipe(),
    ];

    /// <summary>The recipe of a name.</summary>
    /// <exception cref="ArgumentException">Where there is none; lists them.</exception>
    public static Recipe Find(string name) => All.FirstOrDefault(recipe => recipe.Name == name)
        ?? throw new ArgumentException($"There is no recipe '{name}'. There are: {string.Join(", ", All.Select(recipe => recipe.Name))}.", nameof(name));
}
