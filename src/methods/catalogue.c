/* The catalogue of methods; the list itself ends the file. */
#include "methods/catalogue.h"

#include <string.h>

#include "core/status.h"
#include "core/suggest.h"

enum { FAMILIES = 7, METHODS = 14 };

static const assay_family families[FAMILIES];
static const assay_method methods[METHODS];

size_t assay_family_count(void)
{
    return FAMILIES;
}

const assay_family *assay_family_at(size_t i)
{
    return i < FAMILIES ? &families[i] : NULL;
}

size_t assay_method_count(void)
{
    return METHODS;
}

const assay_method *assay_method_at(size_t i)
{
    return i < METHODS ? &methods[i] : NULL;
}

int assay_method_find(const char *slug, const assay_method **out)
{
    const char *slugs[METHODS];
    char hint[256];
    for (size_t i = 0; i < METHODS; i++) {
        slugs[i] = methods[i].slug;
        if (strcmp(slugs[i], slug) == 0) {
            *out = &methods[i];
            return ASSAY_OK;
        }
    }
    assay_suggest(slug, slugs, METHODS, hint, sizeof hint);
    return assay_fail(ASSAY_ENOTFOUND, "no method \"%.100s\"%s", slug, hint);
}

/* ---- the lists ---- */

static const assay_family families[FAMILIES] = {
    {"inference", "sampling answers from a model, and choosing among them"},
    {"diffusion", "sampling from diffusion models"},
    {"selection", "choosing which data to train on"},
    {"mixing", "proportions of data sources"},
    {"rollout", "allocating rollouts in reinforcement learning"},
    {"balance", "sampling under imbalance, and from sets and clouds of points"},
    {"network", "sampling within networks: weights, architectures, quantisation"},
};

/* A method's functions, in the order of its tables in src/lua/FAMILY. */
#define FUNCTIONS(...) ((const char *const[]){__VA_ARGS__, NULL})

static const assay_method methods[METHODS] = {
    {
        .slug = "monkeys",
        .family = "inference",
        .summary = "repeated sampling: coverage and precision of many attempts at a problem",
        .paper = {"Large Language Monkeys: Scaling Inference Compute with Repeated Sampling",
            "Bradley Brown, Jordan Juravsky, Ryan Ehrlich, Ronald Clark, Quoc V. Le, "
            "Christopher Ré, Azalia Mirhoseini",
            2024, "2407.21787"},
        .companion = {"How Do Large Language Monkeys Get Their Power (Laws)?",
            "Rylan Schaeffer, Joshua Kazdan, John Hughes, Jordan Juravsky, Sara Price, "
            "Aengus Lynch, Erik Jones, Robert Kirk, Azalia Mirhoseini, Sanmi Koyejo",
            2025, "2502.17578"},
        .functions = FUNCTIONS("pass_at_k", "pass_hat_k", "coverage_grid", "samples_to_reach",
            "coverage_overlay", "fit_power_law", "predict_power_law", "fit_log_linear",
            "beta_binomial_logpmf", "beta_binomial_nll", "kumaraswamy_binomial_logpmf",
            "kumaraswamy_binomial_nll", "fit_beta_binomial", "fit_kumaraswamy_binomial",
            "pass_at_k_beta", "pass_at_k_kumaraswamy", "majority_vote", "weighted_vote",
            "best_of_n", "selection_curves", "resample_log", "flops", "api_cost", "cost_curve",
            "cost_crossings"),
        .experiment = "inference/monkeys.lua",
    },
    {
        .slug = "binary-bias",
        .family = "inference",
        .summary = "are yes/no answers coin flips: uniform, independent, without negative recency",
        .paper = {"Evaluating Binary Decision Biases in Large Language Models: Implications for "
                  "Fair Agent-Based Financial Simulations",
            "Alicia Vidler, Toby Walsh", 2025, "2501.16356"},
        .functions = FUNCTIONS("binary_battery", "runs_pmf", "longest_run_cdf", "temperature_rate",
            "fit_temperature", "compare_rates", "homogeneity", "parse_binary", "parse_binary_list",
            "collect_binary", "binary_chain", "random_reference"),
        .experiment = "inference/binary-bias.lua",
    },
    {
        .slug = "dpm-solver-pp",
        .family = "diffusion",
        .summary = "solvers of diffusion models: guided samples in 15 to 20 model calls",
        .paper = {"DPM-Solver++: Fast Solver for Guided Sampling of Diffusion Probabilistic Models",
            "Cheng Lu, Yuhao Zhou, Fan Bao, Jianfei Chen, Chongxuan Li, Jun Zhu", 2022,
            "2211.01095"},
        .functions = FUNCTIONS("schedule", "schedule_at", "inverse_lambda", "betas", "alpha_bar",
            "gmm_eps", "net_eps", "model", "cfg", "classifier", "timesteps", "karras_sigmas",
            "singlestep_orders", "phi", "dynamic_threshold", "solvers", "sample", "rmse", "frechet",
            "frechet_moments", "frechet_gmm", "wasserstein_1d", "sliced_wasserstein", "mmd2",
            "nll_gap", "kl_gmm", "mode_weights", "loglog_slope"),
        .experiment = "diffusion/dpm-solver-pp.lua",
    },
    {
        .slug = "unified-solver",
        .family = "diffusion",
        .summary = "a sampler as a list of decisions, searched by evolution",
        .paper =
            {"A Unified Sampling Framework for Solver Searching of Diffusion Probabilistic Models",
                "Enshu Liu, Xuefei Ning, Huazhong Yang, Yu Wang", 2023, "2312.07243"},
        .functions = FUNCTIONS("taylor_weights", "relax_factor", "usf_corrector", "usf_nfe",
            "usf_from", "usf_sample", "usf_mutate", "usf_crossover", "usf_search",
            "usf_predictor_train", "usf_predictor_score"),
        .experiment = "diffusion/unified-solver.lua",
    },
    {
        .slug = "time-shift",
        .family = "diffusion",
        .summary = "sampling at the time that the measured variance of a state belongs to",
        .paper = {"Alleviating Exposure Bias in Diffusion Models through Sampling with Shifted "
                  "Time Steps",
            "Mingxiao Li, Tingyu Qu, Ruicong Yao, Wei Sun, Marie-Francine Moens", 2023,
            "2305.15583"},
        .functions =
            FUNCTIONS("gmm_eps_index", "net_eps_index", "ts_timesteps", "ts_variance", "ts_pick", "ts_sample"),
        .experiment = "diffusion/time-shift.lua",
    },
    {
        .slug = "gaussian-teleport",
        .family = "diffusion",
        .summary = "the first steps of sampling as the closed flow of the data's Gaussian",
        .paper = {"The Unreasonable Effectiveness of Gaussian Score Approximation for Diffusion "
                  "Models and its Applications",
            "Binxu Wang, John J. Vastola", 2024, "2412.09726"},
        .functions = FUNCTIONS("gaussian_fit", "gaussian_from_moments", "gaussian_flow",
            "gaussian_flow_path", "gaussian_score", "gaussian_denoise", "gaussian_modes",
            "trajectory_plane", "delta_score", "gmm_lowrank_fit", "gmm_lowrank_score",
            "gmm_lowrank_logpdf", "gmm_flow", "explained_variance", "teleport_sample"),
        .experiment = "diffusion/gaussian-teleport.lua",
    },
    {
        .slug = "multilingual",
        .family = "inference",
        .summary = "few samples, well drawn and chosen: hedged pools, min-p, MBR, X-MBR, CHOPS",
        .paper = {"When Life Gives You Samples: The Benefits of Scaling up Inference Compute for "
                  "Multilingual LLMs",
            "Ammar Khairi, Daniel D'souza, Ye Shen, Julia Kreutzer, Sara Hooker", 2025,
            "2506.20544"},
        .functions = FUNCTIONS("temperature_softmax", "min_p_filter", "sample_token",
            "sampling_plan", "pool", "utility", "judge_utility", "mbr", "x_mbr", "mbr_curve",
            "select_best", "checklist_select", "hope_risk", "win_rate", "win_rate_swapped",
            "chops_prompt", "chops_parse", "chops_select"),
        .experiment = "inference/multilingual.lua",
    },
    {
        .slug = "onebench",
        .family = "inference",
        .summary = "one pool of test items: models ranked by Plackett-Luce from incomplete scores",
        .paper = {"ONEBench to Test Them All: Sample-Level Benchmarking Over Open-Ended "
                  "Capabilities",
            "Adhiraj Ghosh, Sebastian Dziadzio, Ameya Prabhu, Vishaal Udandarao, Samuel Albanie, "
            "Matthias Bethge",
            2024, "2412.06745"},
        .functions = FUNCTIONS("score_table", "filter_items", "score_subset", "item_search",
            "to_pairwise", "to_top1", "to_rankings", "to_matches", "comparison_components",
            "plackett_luce", "bradley_terry", "elo", "borda", "dowdall", "mean_score",
            "kendall_tau", "top_k_precision", "rank_distance", "separability", "sparsify",
            "informative_items", "synthetic_pool"),
        .experiment = "inference/onebench.lua",
    },
    {
        .slug = "tts-var",
        .family = "inference",
        .summary = "search over coarse-to-fine paths: cluster early, resample late",
        .paper = {"TTS-VAR: A Test-Time Scaling Framework for Visual Auto-Regressive Generation",
            "Zhekai Chen, Ruihang Chu, Yukang Chen, Shiwei Zhang, Yujie Wei, Yingya Zhang, Xihui "
            "Liu",
            2025, "2507.18537"},
        .functions = FUNCTIONS("tts_var", "batch_schedule", "schedule_cost", "potential",
            "resample", "kmeans_pp", "diversity_select", "patch_pca", "patch_features",
            "reward_consistency"),
        .experiment = "inference/tts-var.lua",
    },
    {
        .slug = "smote",
        .family = "balance",
        .summary = "class imbalance: new rows between neighbours, thinning, cleaning, ROC curves",
        .paper = {"SMOTE: Synthetic Minority Over-sampling Technique",
            "Nitesh V. Chawla, Kevin W. Bowyer, Lawrence O. Hall, W. Philip Kegelmeyer", 2002,
            "1106.1813"},
        .functions = FUNCTIONS("smote", "smotenc", "smoten", "borderline_smote", "adasyn",
            "safe_level_smote", "oversample", "smote_enn", "smote_tomek", "undersample",
            "tomek_links", "enn", "one_sided_selection", "undersample_size", "knn", "smote_core",
            "smote_count", "smotenc_core", "smotenc_distance", "smoten_core", "borderline_core",
            "adasyn_counts", "safe_level", "tree_fit", "naive_bayes", "c45_add_errors", "roc_auc",
            "roc_area", "roc_hull"),
        .experiment = "balance/smote.lua",
    },
    {
        .slug = "sampling-free",
        .family = "balance",
        .summary =
            "detectors without sampled anchors: optimal bias, guided loss scaling, baselines",
        .paper = {"Is Heuristic Sampling Necessary in Training Deep Object Detectors?",
            "Joya Chen, Dong Liu, Tong Xu, Shiwei Wu, Yifei Cheng, Enhong Chen", 2019,
            "1909.04868"},
        .functions = FUNCTIONS("optimal_bias", "initial_bce", "guided_scale", "effective_weights",
            "box_iou", "match_anchors", "box_encode", "box_decode", "smooth_l1", "nms",
            "sample_anchors", "det_loss", "ghm_box_loss", "average_precision", "detector_targets",
            "detector_loss", "detections"),
        .experiment = "balance/sampling-free.lua",
    },
    {
        .slug = "equitable",
        .family = "balance",
        .summary = "a budget for examples of several groups, by learning curves and a fair utility",
        .paper = {"Adaptive Sampling Strategies to Construct Equitable Training Datasets",
            "William Cai, Ro Encarnacion, Bobbie Chern, Sam Corbett-Davies, Miranda Bogen, Stevie "
            "Bergman, Sharad Goel",
            2022, "2202.01327"},
        .functions = FUNCTIONS("equitable", "learning_curve", "learning_curve_fit", "allocate",
            "allocate_equal", "allocate_proportional", "allocate_waterfill", "slice_tuner",
            "polygenic_world", "prs_expected_r2", "targeting_benefit"),
        .experiment = "balance/equitable.lua",
    },
    {
        .slug = "pointsp",
        .family = "balance",
        .summary = "corrupted point clouds: key points by crowdedness, clouds thinned and filled",
        .paper = {"Enhancing Sampling Protocol for Point Cloud Classification Against Corruptions",
            "Chongshou Li, Pin Tang, Xinke Li, Yuheng Liu, Tianrui Li", 2024, "2408.12062"},
        .functions = FUNCTIONS("fps", "ffps", "wrs", "wrs_core", "keypoint_weights",
            "resample_ratio", "resample", "downsample", "downsample_core", "upsample", "fill_up",
            "pc_normals", "tangent_interpolate", "pc_descriptor", "pc_normalize", "corrupt", "corrupt_rotation",
            "corrupt_shear", "corrupt_cutout", "corrupt_ffd", "corrupt_rbf", "corruption_table"),
        .experiment = "balance/pointsp.lua",
    },
    {
        .slug = "saa",
        .family = "balance",
        .summary = "few labels: images that teach nothing get a more diverse augmentation",
        .paper = {"Enhancing Sample Utilization through Sample Adaptive Augmentation in "
                  "Semi-Supervised Learning",
            "Guan Gui, Zhen Zhao, Lei Qi, Luping Zhou, Lei Wang, Yinghuan Shi", 2023,
            "2309.03598"},
        .functions = FUNCTIONS("saa", "history_update", "otsu", "naive_update", "fixmatch_loss",
            "flexmatch_thresholds", "ema_alpha", "cosine_7_16", "rand_augment", "diverse_augment",
            "weak_augment", "augment_op", "augment_cutout", "patch_mix", "patch_mix_grid"),
        .experiment = "balance/saa.lua",
    },
};
