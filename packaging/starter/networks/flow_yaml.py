"""Writes flow.yaml, from which a flow's sizes are read."""

from __future__ import annotations

from engine.speaking.flow import FlowConfig


def flow_yaml(config: FlowConfig) -> str:
    """flow.yaml of a flow with these sizes, written as the published one."""
    encoder, estimator = config.encoder, config.estimator
    return f"""flow: !new:cosyvoice2.flow.flow.CausalMaskedDiffWithXvec
    input_size: {config.input_size}
    output_size: {config.output_size}
    spk_embed_dim: {config.spk_embed_dim}
    output_type: 'mel'
    vocab_size: {config.vocab_size}
    encoder: !new:cosyvoice2.transformer.upsample_encoder_v2.UpsampleConformerEncoderV2
        input_size: {encoder.input_size}
        output_size: {encoder.output_size}
        input_layer: 'linear'
        pre_lookahead_len: {encoder.pre_lookahead_len}
        num_blocks: {encoder.num_blocks}
        num_up_blocks: {encoder.num_up_blocks}
        up_stride: {encoder.up_stride}
        up_scale_factor: {encoder.up_stride}
        attention_heads: {encoder.attention_heads}
        pos_enc_layer_type: 'rel_pos_espnet'
        selfattention_layer_type: 'rel_selfattn'
        key_bias: {str(encoder.key_bias).lower()}
        linear_units: {encoder.linear_units}
        dropout_rate: 0.1
        positional_dropout_rate: 0.1
        attention_dropout_rate: 0.1
        normalize_before: True
    decoder: !new:cosyvoice2.flow.flow_matching.CausalConditionalCFM
        inference_cfg_rate: {config.guidance}
        estimator: !new:cosyvoice2.flow.decoder_dit.DiT
            in_channels: {estimator.in_channels}
            out_channels: {estimator.out_channels}
            mlp_ratio: {estimator.mlp_ratio}
            depth: {estimator.depth}
            num_heads: {estimator.num_heads}
            head_dim: {estimator.head_dim}
            hidden_size: {estimator.hidden_size}
"""
