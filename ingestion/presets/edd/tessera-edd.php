<?php
/**
 * Plugin Name: Tessera for Easy Digital Downloads
 * Description: Sends sales and refunds of Easy Digital Downloads 3 to Tessera.
 * Version: 1.0.0
 *
 * Put this file into wp-content/plugins/, set the two values below, and activate the plugin.
 */
if (!defined('ABSPATH')) {
    exit;
}

const TESSERA_ADDRESS = 'https://tessera.example.org/hooks/shop/TOKEN/';
const TESSERA_SECRET = 'SECRET';

add_action('edd_after_order_actions', function ($order_id) {
    tessera_send('sale', ['sale' => tessera_sale($order_id)]);
});

add_action('edd_refund_order', function ($order_id, $refund_id) {
    $refund = edd_get_order($refund_id);
    tessera_send('refund', [
        'sale' => tessera_sale($order_id),
        'refund' => [
            'id' => (int) $refund->id,
            'date_created' => str_replace(' ', 'T', $refund->date_created),
            'subtotal' => (string) $refund->subtotal,
            'discount' => (string) $refund->discount,
            'total' => (string) $refund->total,
        ],
    ]);
}, 10, 2);

/** An order with its items. Times are in UTC, as EDD keeps them. */
function tessera_sale($order_id)
{
    $order = edd_get_order($order_id);
    $address = $order->get_address();
    $items = [];
    foreach ($order->get_items() as $item) {
        $items[] = [
            'product_id' => (int) $item->product_id,
            'price_id' => $item->price_id,
            'product_name' => $item->product_name,
            'amount' => (string) $item->amount,
            'quantity' => (int) $item->quantity,
        ];
    }
    return [
        'id' => (int) $order->id,
        'order_number' => (string) $order->get_number(),
        'user_id' => (int) $order->user_id,
        'email' => $order->email,
        'name' => $address->name,
        'country' => $address->country,
        'mode' => $order->mode,
        'currency' => $order->currency,
        'subtotal' => (string) $order->subtotal,
        'discount' => (string) $order->discount,
        'tax' => (string) $order->tax,
        'total' => (string) $order->total,
        'date_created' => str_replace(' ', 'T', $order->date_created),
        'date_completed' => $order->date_completed ? str_replace(' ', 'T', $order->date_completed) : null,
        'items' => $items,
    ];
}

function tessera_send($event, $content)
{
    $body = wp_json_encode(['event' => $event] + $content);
    $time = (string) time();
    $signature = hash_hmac('sha256', $time . '.' . $body, TESSERA_SECRET);
    $answer = wp_remote_post(TESSERA_ADDRESS, [
        'body' => $body,
        'timeout' => 3,
        'headers' => [
            'Content-Type' => 'application/json',
            'X-Tessera-Signature' => 't=' . $time . ',v1=' . $signature,
        ],
    ]);
    if (wp_remote_retrieve_response_code($answer) !== 200) {
        error_log('Tessera did not take a delivery of ' . $event . '.');
    }
}
