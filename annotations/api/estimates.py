"""The shape of a measured number: value, interval and n, or the reason why there is none."""

from typing import Any

from rest_framework import serializers


class EstimateOut(serializers.Serializer[Any]):
    """`value` null is undefined, and `reason` says why."""

    value = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    n = serializers.IntegerField()
    level = serializers.FloatField()
    method = serializers.CharField()
    reason = serializers.CharField(allow_null=True)
