{#- The number of the range of blocks that a block is in: 100,000 blocks are about a day. -#}

{% macro block_range(height) -%}
    floor({{ height }} / {{ var('chain_range_blocks', 100000) }})::integer
{%- endmacro %}
