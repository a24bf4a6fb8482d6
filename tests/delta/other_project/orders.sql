-- A loaded table and its changelog, which triggers write. A batch is one changed row.

create schema bakery;

create table bakery.orders (
    order_id bigint primary key,
    customer text not null,
    product text not null,
    quantity integer not null,
    price numeric(10, 2) not null
);

create table bakery.orders_changes (
    batch_id bigint generated always as identity,
    weight integer not null,
    customer text not null,
    product text not null,
    quantity integer not null,
    price numeric(10, 2) not null
);

create index on bakery.orders_changes (batch_id);

-- Models read under this lock, shared. Without it, a batch could become visible after one with a higher number.
create function bakery.lock_orders() returns trigger language plpgsql as $$
begin
    perform pg_advisory_xact_lock(hashtextextended('delta', 0));
    return null;
end
$$;

create function bakery.log_orders() returns trigger language plpgsql as $$
begin
    if tg_op <> 'INSERT' then
        insert into bakery.orders_changes (weight, customer, product, quantity, price)
        values (-1, old.customer, old.product, old.quantity, old.price);
    end if;
    if tg_op <> 'DELETE' then
        insert into bakery.orders_changes (weight, customer, product, quantity, price)
        values (1, new.customer, new.product, new.quantity, new.price);
    end if;
    return null;
end
$$;

create trigger lock_orders before insert or update or delete on bakery.orders
for each statement execute function bakery.lock_orders();

create trigger log_orders after insert or update or delete on bakery.orders
for each row execute function bakery.log_orders();
