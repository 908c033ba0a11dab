"""Names of the authors' parameters -> ours, rule by rule; built only from lists of names."""

import re
from dataclasses import dataclass

Rules = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class OfficialNames:
    """Names that the authors of a network give its parameters."""

    rules: Rules
    """Pattern and replacement, applied in order."""
    optional: str | None = None
    """Prefix of our names that an official state may lack."""
    left_out: str | None = None
    """Pattern of official names that are no parameters: buffers, computed here."""

    def rename(self, name: str) -> str | None:
        """Our name of a parameter; None for what is left out."""
        if self.left_out and re.search(self.left_out, name):
            return None
        for pattern, replacement in self.rules:
            name = re.sub(pattern, replacement, name)
        return name

    def is_optional(self, ours: str) -> bool:
        """Tell whether an official state may lack this parameter of ours."""
        return self.optional is not None and ours.startswith(self.optional)


# hg_1 and hg_2 are the two stages.
_STDNET_RULES: Rules = (
    (r"^(?:module\.)?(?:Video_Rec\.|Diff_Rec\.)?(?:module\.)?", ""),
    (r"^upD_Intra\.", "regularizer.spatial."),
    (r"^upD_Inter_cross\.", "regularizer.temporal.1."),
    (r"^upD_Inter\.", "regularizer.temporal.0."),
    (r"^(regularizer\..*)conv2\.", r"\1conv_reduce."),
    (r"^(regularizer\..*)con1x1\.", r"\1conv_scale."),
    (r"^(\w+)\.hg_1\.", r"guided_stage.\1."),
    (r"^(\w+)\.hg_2\.", r"refining_stage.\1."),
    (r"_stage\.conv_guide_init\.", "_stage.guide_encoder."),
    (r"_stage\.conv_dep_init\.", "_stage.depth_encoder."),
    (r"_stage\.final_pred\.", "_stage.prediction_head."),
    (r"_stage\.feat_extract\.", "_stage.trunk."),
    (r"_stage\.feat_extract_f\.conv_diff\.", "_stage.feat_extract_f.conv_difference.1."),
    (r"_stage\.feat_extract_f\.conv_du\.", "_stage.feat_extract_f.conv_attention."),
    (r"_stage\.feat_extract_f\.conv_re\.", "_stage.feat_extract_f.conv_fuse."),
    (r"_stage\.feat_extract_f\.kg\.rg\.", "_stage.feat_extract_f.kernel_generator.residual_group."),
    (r"_stage\.feat_extract_f\.kg\.", "_stage.feat_extract_f.kernel_generator."),
    (r"_stage\.feat_extract_f\.rg\.", "_stage.feat_extract_f.residual_group."),
    (r"_stage\.feat_extract_f\.", "_stage.spatial_difference."),
    (r"_stage\.deform_align\.(\w+)\.", r"_stage.passes.\1.temporal_difference."),
    (r"temporal_difference\.w$", "temporal_difference.weight"),
    (r"temporal_difference\.b$", "temporal_difference.bias"),
    (r"temporal_difference\.conv_du\.", "temporal_difference.conv_motion."),
    (r"temporal_difference\.conv_diff\.", "temporal_difference.conv_difference."),
    (r"temporal_difference\.conv_outDCN\.", "temporal_difference.conv_aligned."),
    (r"temporal_difference\.rg1\.", "temporal_difference.residual_group."),
    (r"temporal_difference\.conv_re\.", "temporal_difference.conv_fuse."),
)

# Levels 1-3 are counted from the finest; branch _1 is the first of a pair.
_STDAN_ALIGNMENT: Rules = tuple(
    rule
    for number, branch in ((1, "first"), (2, "second"))
    for level in (1, 2, 3)
    for rule in (
        (
            rf"(pcd_align|pcd_align_modified)\.L{level}_offset_conv(\d)_{number}\.",
            rf"\1.{branch}.levels.{level - 1}.offset_conv\2.",
        ),
        (
            rf"(pcd_align|pcd_align_modified)\.L{level}_dcnpack_{number}\.",
            rf"\1.{branch}.levels.{level - 1}.deform.",
        ),
        (
            rf"(pcd_align|pcd_align_modified)\.L{level}_fea_conv_{number}\.",
            rf"\1.{branch}.levels.{level - 1}.feat_conv.",
        ),
    )
)

_STDAN_RULES: Rules = (
    (r"^module\.", ""),
    *_STDAN_ALIGNMENT,
    (r"fea_L2_conv1\.", "pyramid.levels.0.0."),
    (r"fea_L2_conv2\.", "pyramid.levels.0.2."),
    (r"fea_L3_conv1\.", "pyramid.levels.1.0."),
    (r"fea_L3_conv2\.", "pyramid.levels.1.2."),
    (r"^pyramid\.", "interpolation.pyramid."),
    (r"pcd_h\.(pcd_align|fusion)\.", r"pcd_h.pair.\1."),
    (r"pcd_align\.(first|second)\.", r"\1."),
    (r"^pcd_align_modified\.pcd_h\.", "interpolation.state."),
    (r"^pcd_align_modified\.fusion_1x1\.", "interpolation.conv_state."),
    (r"^pcd_align_modified\.(conv_h[12])\.", r"interpolation.\1."),
    (r"^pcd_align_modified\.(first|second|fusion)\.", r"interpolation.pair.\1."),
    (r"^fusion_f_b\.", "interpolation.fusion."),
    (r"^feature_extraction\.", "extraction."),
    (r"^feature_recon\.", "reconstruction."),
    (r"\.patch_embed\.norm\.", ".norm_first."),
    (r"\.layers\.(\d+)\.residual_group\.blocks\.", r".groups.\1.blocks."),
    (r"\.layers\.(\d+)\.conv\.", r".groups.\1.conv."),
    (r"\.relative_position_bias_table$", ".bias_table"),
    (r"\.mlp\.fc1\.", ".mlp.0."),
    (r"\.mlp\.fc2\.", ".mlp.2."),
    (r"^stdfa\.qkv_maps\.w_qs\.", "aggregation.query."),
    (r"^stdfa\.qkv_maps\.w_ks\.", "aggregation.key."),
    (r"^stdfa\.qkv_maps\.w_vs\.", "aggregation.value."),
    (r"^stdfa\.deformable_corr\.(?:dcn_attention\.)?", "aggregation."),
    (r"^aggregation\.conv_offset_mask\.", "aggregation.conv_offset."),
    (r"^stdfa\.", "aggregation."),
    (r"^(conv_before_upsample|upsample|conv_last)\.", r"head.\1."),
)

# createflow is the first flow, flowconv3 and flowconv its update; 1 is backward, 2 forward.
_DFLOW_RULES: Rules = (
    (r"^module\.", ""),
    (r"^createflowf\.", "forward_flow.initial."),
    (r"^createflowb\.", "backward_flow.initial."),
    (r"initial\.conv1\.", "initial.conv_difference."),
    (r"initial\.conv2\.", "initial.conv_each."),
    (r"initial\.conv3\.", "initial.conv_pair."),
    (r"initial\.convout\.", "initial.conv_flow."),
    *((rf"initial\.lka{n}\.", f"initial.views.{n - 1}.") for n in (1, 2, 3)),
    (r"\.proj_1\.", ".conv_in.0."),
    (r"\.proj_2\.", ".conv_out."),
    (r"\.spatial_gating_unit\.conv0\.", ".attention.0."),
    (r"\.spatial_gating_unit\.conv_spatial\.", ".attention.1."),
    (r"\.spatial_gating_unit\.conv1\.", ".attention.2."),
    (r"^flowconv31\.", "backward_flow.update.conv_in."),
    (r"^flowconv32\.", "forward_flow.update.conv_in."),
    (r"^flowconv1\.", "backward_flow.update.conv_out."),
    (r"^flowconv2\.", "forward_flow.update.conv_out."),
    (r"_trunk\.inconv\.", "_trunk.conv_in.0."),
    *((rf"_trunk\.r{n}\.", f"_trunk.stages.{n - 1}.") for n in (1, 2, 3)),
    *((rf"_trunk\.conv{n}\.", f"_trunk.taps.{n - 1}.") for n in (1, 2, 3)),
    *((rf"\.c{n}_d\.", f".set_aside.{n - 1}.") for n in (1, 2, 3)),
    *((rf"\.c{n}_r\.", f".refine.{n - 1}.") for n in (1, 2, 3)),
    (r"\.c4\.", ".conv_rest."),
    (r"\.c5\.", ".fusion."),
    (r"\.esa\.conv1\.", ".attention.conv_in."),
    (r"\.esa\.conv_f\.", ".attention.conv_direct."),
    (r"\.esa\.conv2\.", ".attention.conv_shrink."),
    (r"\.esa\.conv_max\.", ".attention.coarse.1."),
    (r"\.esa\.conv3\.", ".attention.coarse.3."),
    (r"\.esa\.conv3_\.", ".attention.coarse.5."),
    (r"\.esa\.conv4\.", ".attention.conv_out."),
    (r"^fusion\.", "fusion.0."),
    (r"^upconv1\.", "upsample.0."),
    (r"^upconv2\.", "upsample.3."),
    (r"^conv_hr\.", "head.0."),
    (r"^conv_last\.", "head.2."),
)

# What the authors' code declares and does not use is left out.
_SVSRNET_UNUSED = r"^st_fusion_right\.|^upconv\d_right\.|\.conv_out\.|\.out_fusion\."

_SVSRNET_RULES: Rules = (
    (r"^module\.", ""),
    (r"^conv_first\.", "extraction.main.0."),
    (r"^feature_extraction\.", "extraction.main.2."),
    (r"^st_fusion_left\.", "fusions.left."),
    (r"\.tAtt_1\.", ".conv_aligned."),
    (r"\.tAtt_2\.", ".conv_center."),
    (r"\.dcnpack\.conv_offset_mask\.", ".deform.conv_offset."),
    (r"\.dcnpack\.", ".deform."),
    (r"\.center_Resblock\.", ".center_block."),
    (r"\.fea_fusion_tam\.", ".conv_weighed."),
    (r"\.fea_fusion\.", ".conv_fuse."),
    (r"\.sAtt_(\d)\.", r".attention.conv\1."),
    (r"\.sAtt_L(\d)\.", r".attention.half_conv\1."),
    (r"\.sAtt_add_(\d)\.", r".attention.shift_conv\1."),
    (r"^vtam_(left|right)\.", r"attentions.\1."),
    (r"\.pam\.", ".same_time."),
    (r"\.vtam_layers\.", ".other_times."),
    (r"\.rb\.", ".block."),
    (r"\.conv_l\.", ".conv_query."),
    (r"\.conv_r\.", ".conv_key."),
    (r"\.pam_conv\.", ".conv_same."),
    (r"\.vtam_conv\.", ".conv_pairs."),
    (r"\.vtam_fusion\.", ".conv_times."),
    (r"\.out_conv_(\d)\.", r".conv_out\1."),
    (r"^(fusion|recon_trunk|upconv\d|HRconv|conv_last)\.", r"\1_left."),
    (r"^fusion_(left|right)\.", r"conv_merge.\1."),
    (r"^recon_trunk_(left|right)\.", r"reconstructions.\1."),
    (r"^upconv1_left\.", "enlargements.left.0."),
    (r"^upconv2_left\.", "enlargements.left.3."),
    (r"^HRconv_(left|right)\.", r"heads.\1.0."),
    (r"^conv_last_(left|right)\.", r"heads.\1.2."),
)

OFFICIAL = {
    "STDNet": OfficialNames(_STDNET_RULES, optional="regularizer."),
    "SVSRNet": OfficialNames(_SVSRNET_RULES, left_out=_SVSRNET_UNUSED),
    "STDAN": OfficialNames(_STDAN_RULES, left_out=r"\.(attn_mask|relative_position_index)$"),
    "DFlow": OfficialNames(_DFLOW_RULES),
}
"""By the name of the arch."""
