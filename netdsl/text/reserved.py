"""Names that are taken: attributes of torch's modules and of tuples, and what an emitted file uses. Tests compare them
with torch and with emitted files. What follows from them says elaborate/findings/naming.py."""

TUPLE_ATTRIBUTES: frozenset[str] = frozenset(("Tensor", "count", "index"))
"""What a named tuple of tensors has or needs already, beside what begins with an underscore."""

FILE_NAMES: frozenset[str] = frozenset(
    (
        *("Callable", "ClassVar", "F", "NamedTuple", "OrderedDict", "Tensor", "math", "nn", "partial", "torch"),
        *("ChannelNorm", "Permute", "StochasticDepth", "causal_mask", "center_crop", "linspace", "recur", "round_to"),
        *("module", "sign"),
        *("abs", "bool", "dict", "enumerate", "float", "int", "isinstance", "len", "list", "max", "min", "range"),
        *("reversed", "round", "str", "sum", "super", "tuple", "type", "zip"),
    )
)
"""What an emitted file imports, defines or takes from Python, and mentions within its functions."""

DICT_ATTRIBUTES: frozenset[str] = frozenset(("clear", "items", "keys", "pop", "update", "values"))
"""Those that `torch.nn.ModuleDict`, which an element with parts of its own becomes, has besides."""

SEQUENTIAL_ATTRIBUTES: frozenset[str] = frozenset(("_get_item_by_idx", "append", "extend", "insert", "pop"))
"""Those that `torch.nn.Sequential`, which a sequence becomes, has besides."""

MODULE_ATTRIBUTES: frozenset[str] = frozenset(
    (
        "T_destination",
        "_apply",
        "_backward_hooks",
        "_backward_pre_hooks",
        "_buffers",
        "_call_impl",
        "_compiled_call_impl",
        "_forward_hooks",
        "_forward_hooks_always_called",
        "_forward_hooks_with_kwargs",
        "_forward_pre_hooks",
        "_forward_pre_hooks_with_kwargs",
        "_get_backward_hooks",
        "_get_backward_pre_hooks",
        "_get_name",
        "_is_full_backward_hook",
        "_load_from_state_dict",
        "_load_state_dict_post_hooks",
        "_load_state_dict_pre_hooks",
        "_maybe_warn_non_full_backward_hook",
        "_modules",
        "_named_members",
        "_non_persistent_buffers_set",
        "_parameters",
        "_register_load_state_dict_pre_hook",
        "_register_state_dict_hook",
        "_replicate_for_data_parallel",
        "_save_to_state_dict",
        "_slow_forward",
        "_state_dict_hooks",
        "_state_dict_pre_hooks",
        "_version",
        "_wrapped_call_impl",
        "add_module",
        "apply",
        "bfloat16",
        "buffers",
        "call_super_init",
        "children",
        "compile",
        "cpu",
        "cuda",
        "double",
        "dump_patches",
        "eval",
        "extra_repr",
        "float",
        "forward",
        "get_buffer",
        "get_extra_state",
        "get_parameter",
        "get_submodule",
        "half",
        "ipu",
        "load_state_dict",
        "modules",
        "mtia",
        "named_buffers",
        "named_children",
        "named_modules",
        "named_parameters",
        "parameters",
        "register_backward_hook",
        "register_buffer",
        "register_forward_hook",
        "register_forward_pre_hook",
        "register_full_backward_hook",
        "register_full_backward_pre_hook",
        "register_load_state_dict_post_hook",
        "register_load_state_dict_pre_hook",
        "register_module",
        "register_parameter",
        "register_state_dict_post_hook",
        "register_state_dict_pre_hook",
        "requires_grad_",
        "set_extra_state",
        "set_submodule",
        "share_memory",
        "state_dict",
        "to",
        "to_empty",
        "train",
        "training",
        "type",
        "xpu",
        "zero_grad",
    )
)
