{% materialization view, adapter='postgres' %}
    {{ return(postgres_tuning.materialization_view_postgres()) }}
{% endmaterialization %}
