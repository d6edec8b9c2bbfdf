<?php
/**
 * Sends paid orders, credit slips and customers of a PrestaShop 1.7, 8 or 9 shop to Tessera.
 *
 * Put this file into modules/tessera/, set the two values below, and install the module.
 */
if (!defined('_PS_VERSION_')) {
    exit;
}

class Tessera extends Module
{
    const ADDRESS = 'https://tessera.example.org/hooks/shop/TOKEN/';
    const SECRET = 'SECRET';

    public function __construct()
    {
        $this->name = 'tessera';
        $this->tab = 'analytics_stats';
        $this->version = '1.0.0';
        $this->author = 'Tessera';
        parent::__construct();
        $this->displayName = 'Tessera';
        $this->description = 'Sends orders and customers to Tessera.';
    }

    public function install()
    {
        return parent::install()
            && $this->registerHook('actionOrderStatusPostUpdate')
            && $this->registerHook('actionOrderSlipAdd')
            && $this->registerHook('actionObjectCustomerAddAfter')
            && $this->registerHook('actionObjectCustomerUpdateAfter');
    }

    public function hookActionOrderStatusPostUpdate($params)
    {
        $this->send('order', $this->orderContent(new Order((int) $params['id_order'])));
    }

    public function hookActionOrderSlipAdd($params)
    {
        $this->send('order_slip', $this->orderContent($params['order']));
    }

    public function hookActionObjectCustomerAddAfter($params)
    {
        $this->send('customer', $this->customerContent($params['object']));
    }

    public function hookActionObjectCustomerUpdateAfter($params)
    {
        $this->send('customer', $this->customerContent($params['object']));
    }

    private function orderContent($order)
    {
        $names = ['reference', 'total_products', 'total_discounts_tax_excl', 'total_shipping_tax_excl',
            'total_paid_tax_incl', 'total_paid_tax_excl'];
        $content = ['id' => (int) $order->id];
        foreach ($names as $name) {
            $content[$name] = (string) $order->$name;
        }
        $rows = [];
        foreach ($order->getProductsDetail() as $row) {
            $rows[] = array_intersect_key($row, array_flip(['product_id', 'product_attribute_id',
                'product_quantity', 'product_name', 'product_reference', 'unit_price_tax_excl']));
        }
        $content['associations'] = ['order_rows' => $rows];
        $slips = [];
        foreach (OrderSlip::getOrdersSlip((int) $order->id_customer, (int) $order->id) as $slip) {
            $slips[] = [
                'id' => $slip['id_order_slip'],
                'added_at' => $this->moment($slip['date_add']),
                'total_products_tax_excl' => $slip['total_products_tax_excl'],
                'total_products_tax_incl' => $slip['total_products_tax_incl'],
                'total_shipping_tax_incl' => $slip['total_shipping_tax_incl'],
            ];
        }
        $currency = new Currency((int) $order->id_currency);
        return [
            'order' => $content,
            'slips' => $slips,
            'currency' => $currency->iso_code,
            'paid_at' => $this->firstTimeOf($order, 'paid'),
            'cancelled_at' => $this->firstTimeOf($order, 'cancelled'),
        ] + $this->customerContent(new Customer((int) $order->id_customer));
    }

    private function customerContent($customer)
    {
        return [
            'customer' => [
                'id' => (int) $customer->id,
                'email' => $customer->email,
                'firstname' => $customer->firstname,
                'lastname' => $customer->lastname,
                'newsletter' => $customer->newsletter ? '1' : '0',
                'is_guest' => $customer->is_guest ? '1' : '0',
                'date_upd' => $customer->date_upd,
            ],
            'customer_updated_at' => $this->moment($customer->date_upd),
        ];
    }

    /** The first time at which an order had a state that means paid, or the state of cancelled ones. */
    private function firstTimeOf($order, $meaning)
    {
        $times = [];
        foreach ($order->getHistory((int) Configuration::get('PS_LANG_DEFAULT')) as $step) {
            $state = new OrderState((int) $step['id_order_state']);
            $isCancelled = (int) $state->id === (int) Configuration::get('PS_OS_CANCELED');
            if ($meaning === 'paid' ? $state->paid : $isCancelled) {
                $times[] = $step['date_add'];
            }
        }
        return $times ? $this->moment(min($times)) : null;
    }

    private function moment($text)
    {
        return gmdate('Y-m-d\TH:i:s\Z', strtotime($text));
    }

    private function send($event, $content)
    {
        $body = json_encode(['event' => $event] + $content);
        $time = (string) time();
        $signature = hash_hmac('sha256', $time . '.' . $body, self::SECRET);
        $request = curl_init(self::ADDRESS);
        curl_setopt_array($request, [
            CURLOPT_POST => true,
            CURLOPT_POSTFIELDS => $body,
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_TIMEOUT => 3,
            CURLOPT_HTTPHEADER => [
                'Content-Type: application/json',
                'X-Tessera-Signature: t=' . $time . ',v1=' . $signature,
            ],
        ]);
        curl_exec($request);
        if (curl_getinfo($request, CURLINFO_HTTP_CODE) !== 200) {
            PrestaShopLogger::addLog('Tessera did not take a delivery of ' . $event . '.', 2);
        }
    }
}
