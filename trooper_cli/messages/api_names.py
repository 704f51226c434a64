"""The names and kinds that the Messages API itself defines: the frame of a request, which is nobody's text.

Every request with a citation or a tool's result has the same names around what it says. Where they counted as text, a
private request would make the next public one of the same shape look private.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

KINDS = {"role", "type"}
# Of requests and of responses, beta and past ones among them, as the vendor's SDK types them.
_NAMES = frozenset(
    """active allowed_callers allowed_domains allowed_tools anthropic_beta anthropic_version applied_edits
authorization_token betas bill_to billing_policy block_binding blocked_domains budget_tokens cache_control
cache_creation cache_creation_input_tokens cache_read_input_tokens caching caller citations cited_text city clear_at
clear_at_least clear_tool_inputs cleared_input_tokens cleared_thinking_turns cleared_tool_uses client_tool_results
close_tab compaction configs container content content_block context context_management country cursor_position data
default_config defer_loading definition delta description diagnostics disable_parallel_tool_use display
display_height_px display_number display_width_px document_index document_title double_click download_id
eager_input_streaming edits effort enable_zoom enabled encrypted_content encrypted_index encrypted_stdout
end_block_index end_char_index end_page_number ephemeral_1h_input_tokens ephemeral_5m_input_tokens error error_code
error_message exclude_tools expires_at fallback_credit_token fallbacks file_id file_type file_upload find form_input
format from get_page_text hold_key hover id index inference_geo input input_examples input_schema input_tokens
instructions is_error is_file_update javascript_exec keep key left_click left_click_drag left_mouse_down
left_mouse_up lines list_tabs max_characters max_content_tokens max_tokens max_uses mcp_server_name mcp_servers
media_type message messages metadata middle_click mode model mouse_move name navigate new_lines new_start new_tab
num_lines old_lines old_start output_config output_format output_tokens oversized_image page_age partial_json path
pause_after_compaction prefill prefix_mismatch_behavior previous_message_id properties read_console read_network
read_page region remaining required response_inclusion retrieved_at return_code right_click role schema screenshot
scroll scroll_to search_result_index server_name server_tool_results server_tool_use service_tier signature
size_bytes skill_id skills source speed start_block_index start_char_index start_line start_page_number
state_changes stderr stdout stop_details stop_reason stop_sequence stop_sequences stream strict switch_tab system
tab_id tabs task_budget temperature text thinking thread timezone title to token tool tool_changes tool_choice
tool_configuration tool_id tool_name tool_references tool_use_id tools toolset_name top_k top_p total total_lines
transformations trigger triple_click ttl type url url_sources usage use_cache user_id user_input user_location
user_profile_id value version wait web_fetch_requests web_search_requests workspace_id zoom""".split()
)
_KINDS_OF_API = frozenset(
    """
adaptive advisor_20260301 advisor_redacted_result advisor_result advisor_tool_result advisor_tool_result_error all
anthropic any approximate assistant auto base64 bash bash_20241022 bash_20250124 bash_code_execution_output
bash_code_execution_result bash_code_execution_tool_result bash_code_execution_tool_result_error between_tools
billing_policy browser_state browser_toolset_20260801 char_location clear_thinking_20251015 clear_tool_uses_20250919
code_execution code_execution_20250522 code_execution_20250825 code_execution_20260120 code_execution_20260521
code_execution_output code_execution_result code_execution_tool_result code_execution_tool_result_error
compact_20260112 compaction computer computer_20241022 computer_20250124 computer_20251124 computer_toolset_20260801
container_upload content content_block_location continue create custom direct disabled document download_completed
download_failed download_started enabled encrypted_code_execution_result ephemeral error except fallback file image
input_tokens json_schema mcp_tool_listing mcp_tool_reference mcp_tool_result mcp_tool_use mcp_toolset
mcp_toolset_reference memory memory_20250818 message none object only page_location redacted_thinking search_result
search_result_location server_tool_use summarize system tab_opened text text_editor text_editor_20241022
text_editor_20250124 text_editor_20250429 text_editor_20250728 text_editor_code_execution_create_result
text_editor_code_execution_str_replace_result text_editor_code_execution_tool_result
text_editor_code_execution_tool_result_error text_editor_code_execution_view_result thinking thinking_turns tokens
tool tool_addition tool_definition tool_reference tool_removal tool_result tool_search_tool_bm25
tool_search_tool_bm25_20251119 tool_search_tool_regex tool_search_tool_regex_20251119 tool_search_tool_result
tool_search_tool_result_error tool_search_tool_search_result tool_use tool_uses url user web_fetch
web_fetch_20250910 web_fetch_20260209 web_fetch_20260309 web_fetch_20260318 web_fetch_result web_fetch_tool_result
web_fetch_tool_result_error web_search web_search_20250305 web_search_20260209 web_search_20260318 web_search_result
web_search_result_location web_search_tool_result web_search_tool_result_error""".split()
)


def is_frame(value: Mapping[str, object]) -> bool:
    """Return whether an object is one of the API's: it says its type or role, or has no other names than the API's."""
    return not KINDS.isdisjoint(value) or value.keys() <= _NAMES


def is_name(name: str) -> bool:
    """Return whether the API has fields of this name."""
    return name in _NAMES


def is_kind(name: str, item: object) -> bool:
    """Return whether a field says no more than which of the API's kinds its object is of."""
    return name in KINDS and isinstance(item, str) and item in _KINDS_OF_API


def own_names(value: Mapping[str, object]) -> list[str]:
    """Return the names of an object's fields that are not the API's; in an object of another make all names count."""
    return [name for name in value if name not in _NAMES] if is_frame(value) else [*value]
