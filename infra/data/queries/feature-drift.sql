-- Drift of features: the population stability index (PSI) of the last seven days against the 28 days before, over
-- ten bins of about as many values each, and one of missing values. Above 0.25 it has moved, below 0.1 it has not.
-- What grows while nothing happens would always have moved: ages count up to a month, and how many amounts, devices and
-- payees of a customer are known is left out.
WITH told AS (
    SELECT date_diff('day', cast("date" AS date), current_date) <= 7 AS isNow,
        ARRAY[
            amountBase, amountTrailingZeros, localHour, localWeekday, arrivalDelaySeconds, customerCount1h,
            customerCount12h, customerCount24h, customerCount7d, customerCount30d, customerSum24h,
            customerSum7d, customerSum30d, customerDeclines24h, customerRefunds7d, customerRefundSum7d,
            customerIn24h, customerOut24h, customerNearThreshold7d, customerIdleDays, customerAmountMean,
            customerAmountRatio, customerAmountDeviations, customerPeakRatio14d, customerHourShare,
            customerDevices7d, customerPayeePeak, refundSearchedDays,
            customerFrauds30d, travelKm, travelHours, travelKmPerHour, cardTravelKmPerHour,
            cardCount1h, cardCount2h, cardCount24h,
            cardCount7d, cardSum24h, cardDeclines24h, cardDeclines30d, cardMerchants7d, cardRepeatSeconds,
            cardFrauds30d, merchantCount1h, merchantCount24h, merchantDeclines1h, merchantDeclineShare1h,
            merchantAmountRatio, merchantFrauds30d, merchantFraudShare30d, terminalCount24h, terminalCount7d,
            terminalCount30d, terminalAmountRatio, terminalFrauds30d, terminalFraudShare1d,
            terminalFraudShare7d, terminalFraudShare30d, terminalFraudAgeDays, terminalFraudSpanDays,
            terminalFraudAmountRatio, terminalFraudShareLast1, terminalFraudShareLast2, terminalFraudShareLast5,
            deviceCount1h, deviceDeclinedCards1h, deviceDeclineShare1h, deviceCustomers24h, deviceFrauds30d,
            ipCount1h, ipDeclinedCards1h, ipDeclineShare1h, ipFrauds30d, customerRefundRatio, deviceCustomers7d,
            merchantRefundOtherCard, cardCustomers24h, cardCustomers7d, merchantDeclinedCards1h, merchantBinDeclinedCards1h,
            ipCustomers24h, ipCustomers7d, counterpartyCount30d, counterpartySenders24h, counterpartySenders7d,
            counterpartyNewSenders7d, counterpartyIn24h, counterpartyOut24h, counterpartyFrauds30d,
            CASE WHEN accountAgeDays > 30e0 THEN 30e0 ELSE accountAgeDays END,
            CASE WHEN customerAgeDays > 30e0 THEN 30e0 ELSE customerAgeDays END,
            CASE WHEN customerDeviceAgeHours > 720e0 THEN 720e0 ELSE customerDeviceAgeHours END,
            CASE WHEN customerCountryAgeHours > 720e0 THEN 720e0 ELSE customerCountryAgeHours END,
            CASE WHEN customerPayeeAgeHours > 720e0 THEN 720e0 ELSE customerPayeeAgeHours END,
            CASE WHEN counterpartyAgeDays > 30e0 THEN 30e0 ELSE counterpartyAgeDays END
        ] AS vector
    FROM decisions
    WHERE "date" BETWEEN cast(cast(current_date - INTERVAL '35' DAY AS date) AS varchar)
            AND cast(cast(current_date - INTERVAL '1' DAY AS date) AS varchar)
        AND featureSchema IS NOT NULL
), counted AS (
    SELECT place, value, count(*) FILTER (WHERE isNow) AS now, count(*) FILTER (WHERE NOT isNow) AS before
    FROM told CROSS JOIN UNNEST(vector) WITH ORDINALITY AS each (value, place)
    GROUP BY place, value
), ranked AS (
    SELECT place, value, now, before,
        sum(before) OVER (PARTITION BY place, value IS NULL ORDER BY value) - before AS below,
        sum(before) OVER (PARTITION BY place, value IS NULL) AS present
    FROM counted
), binned AS (
    SELECT place,
        CASE
            WHEN value IS NULL THEN -1
            WHEN present = 0 THEN 0
            ELSE least(cast(floor(10e0 * below / present) AS bigint), 9)
        END AS bin,
        cast(sum(now) AS double) AS now, cast(sum(before) AS double) AS before
    FROM ranked
    GROUP BY 1, 2
), shares AS (
    SELECT place, bin, now, before,
        greatest(now / nullif(sum(now) OVER (PARTITION BY place), 0), 1e-4) AS share,
        greatest(before / nullif(sum(before) OVER (PARTITION BY place), 0), 1e-4) AS shareBefore
    FROM binned
), moved AS (
    SELECT place, sum((share - shareBefore) * ln(share / shareBefore)) AS psi,
        coalesce(sum(share) FILTER (WHERE bin = -1), 0) AS missing,
        coalesce(sum(shareBefore) FILTER (WHERE bin = -1), 0) AS missingBefore
    FROM shares
    GROUP BY place
    -- Without transactions in either time there is nothing to compare.
    HAVING sum(now) > 0 AND sum(before) > 0
)
SELECT ARRAY[
            'amountBase', 'amountTrailingZeros', 'localHour', 'localWeekday', 'arrivalDelaySeconds',
            'customerCount1h', 'customerCount12h', 'customerCount24h', 'customerCount7d', 'customerCount30d',
            'customerSum24h', 'customerSum7d', 'customerSum30d', 'customerDeclines24h', 'customerRefunds7d',
            'customerRefundSum7d', 'customerIn24h', 'customerOut24h', 'customerNearThreshold7d',
            'customerIdleDays', 'customerAmountMean', 'customerAmountRatio', 'customerAmountDeviations',
            'customerPeakRatio14d', 'customerHourShare', 'customerDevices7d', 'customerPayeePeak', 'refundSearchedDays', 'customerFrauds30d', 'travelKm', 'travelHours',
            'travelKmPerHour', 'cardTravelKmPerHour', 'cardCount1h', 'cardCount2h', 'cardCount24h', 'cardCount7d', 'cardSum24h',
            'cardDeclines24h', 'cardDeclines30d', 'cardMerchants7d', 'cardRepeatSeconds', 'cardFrauds30d',
            'merchantCount1h', 'merchantCount24h', 'merchantDeclines1h', 'merchantDeclineShare1h',
            'merchantAmountRatio', 'merchantFrauds30d', 'merchantFraudShare30d', 'terminalCount24h',
            'terminalCount7d', 'terminalCount30d', 'terminalAmountRatio', 'terminalFrauds30d',
            'terminalFraudShare1d', 'terminalFraudShare7d', 'terminalFraudShare30d', 'terminalFraudAgeDays',
            'terminalFraudSpanDays', 'terminalFraudAmountRatio', 'terminalFraudShareLast1',
            'terminalFraudShareLast2', 'terminalFraudShareLast5', 'deviceCount1h', 'deviceDeclinedCards1h',
            'deviceDeclineShare1h', 'deviceCustomers24h', 'deviceFrauds30d', 'ipCount1h', 'ipDeclinedCards1h',
            'ipDeclineShare1h', 'ipFrauds30d', 'customerRefundRatio', 'deviceCustomers7d',
            'merchantRefundOtherCard', 'cardCustomers24h', 'cardCustomers7d', 'merchantDeclinedCards1h', 'merchantBinDeclinedCards1h',
            'ipCustomers24h', 'ipCustomers7d', 'counterpartyCount30d', 'counterpartySenders24h',
            'counterpartySenders7d', 'counterpartyNewSenders7d', 'counterpartyIn24h', 'counterpartyOut24h',
            'counterpartyFrauds30d', 'accountAgeDays', 'customerAgeDays', 'customerDeviceAgeHours',
            'customerCountryAgeHours', 'customerPayeeAgeHours', 'counterpartyAgeDays'
    ][place] AS feature, psi, missing, missingBefore
FROM moved
ORDER BY psi DESC, feature
