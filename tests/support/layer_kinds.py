"""Models with one of each kind of layer, in the numbers of their papers and config.json files."""

from dataclasses import replace

from rooflink.model.architecture import Architecture

# arXiv:2412.19437, section 4.2.
DEEPSEEK_V3 = Architecture(
    layers=61, embed_dim=7168, query_heads=128, kv_heads=128, head_dim=128, mlp_dim=2048,
    vocab_size=129280, experts=256, active_experts=8, shared_mlp_dim=2048, dense_layers=3,
    dense_mlp_dim=18432, query_rank=1536, latent_dim=512, rotated_dim=64, mtp_layers=1,
)  # fmt: skip
# config.json and inference/model.py of deepseek-ai/DeepSeek-V3.2-Exp.
DEEPSEEK_V32 = replace(
    DEEPSEEK_V3, index_heads=64, index_dim=128, index_positions=2048, index_layers=61
)
# config.json of Qwen/Qwen3-Next-80B-A3B-Instruct.
QWEN3_NEXT = Architecture(
    layers=48, embed_dim=2048, query_heads=16, kv_heads=2, head_dim=256, mlp_dim=512,
    vocab_size=151936, experts=512, active_experts=10, shared_mlp_dim=512, gated_attention=True,
    linear_layers=36, linear_key_heads=16, linear_value_heads=32, linear_key_dim=128,
    linear_value_dim=128, linear_conv=4, mtp_layers=1,
)  # fmt: skip
# config.json of nvidia/Nemotron-H-56B-Base-8K.
NEMOTRON_H = Architecture(
    layers=118, embed_dim=8192, query_heads=64, kv_heads=8, head_dim=128, mlp_dim=32768,
    vocab_size=131072, gated=False, mlp_only_layers=54, linear_layers=54, linear_kind="mamba2",
    linear_key_heads=8, linear_key_dim=256, linear_value_heads=256, linear_value_dim=64,
    linear_conv=4,
)  # fmt: skip
# config.json of google/gemma-4-31B.
GEMMA_4 = Architecture(
    layers=60, embed_dim=5376, query_heads=32, kv_heads=16, head_dim=256, mlp_dim=21504,
    vocab_size=262144, tied_embeddings=True, window=1024, windowed_share=5 / 6, full_kv_heads=4,
    full_head_dim=512, full_values_are_keys=True,
)  # fmt: skip
# config.json of openai/gpt-oss-120b.
GPT_OSS = Architecture(
    layers=36, embed_dim=2880, query_heads=64, kv_heads=8, head_dim=64, mlp_dim=2880,
    vocab_size=201088, experts=128, active_experts=4, window=128, windowed_share=0.5,
)  # fmt: skip
