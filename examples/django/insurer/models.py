"""The application's tables as they always were; nothing in this file knows pgmask."""

from django.db import models


class Unit(models.Model):
    """A branch."""

    id = models.IntegerField(primary_key=True)
    name = models.CharField(max_length=60)
    kind = models.CharField(max_length=12)

    class Meta:
        db_table = "unit"


class Staff(models.Model):
    """Who works in a branch; the id is the person's number in the register too."""

    id = models.IntegerField(primary_key=True)
    unit = models.ForeignKey(Unit, models.PROTECT)
    name = models.CharField(max_length=60)
    post = models.CharField(max_length=20)

    class Meta:
        db_table = "staff"


class Customer(models.Model):
    """A person the company knows."""

    id = models.BigAutoField(primary_key=True)
    customer_no = models.CharField(max_length=12, unique=True)
    unit = models.ForeignKey(Unit, models.PROTECT)
    owner = models.ForeignKey(Staff, models.PROTECT, null=True)
    name = models.CharField(max_length=60)
    sex = models.CharField(max_length=1)
    birth_date = models.DateField()
    id_no = models.CharField(max_length=18)
    phone = models.CharField(max_length=11)
    landline = models.CharField(max_length=20, null=True, blank=True)
    email = models.CharField(max_length=120, null=True, blank=True)
    address = models.CharField(max_length=200)
    postal_code = models.CharField(max_length=6, null=True, blank=True)
    occupation = models.CharField(max_length=60, null=True, blank=True)
    employer = models.CharField(max_length=120, null=True, blank=True)
    annual_income = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)
    health_note = models.CharField(max_length=200, null=True, blank=True)
    card_grade = models.CharField(max_length=10, default="standard")
    status = models.CharField(max_length=10, default="active")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "customer"


class Policy(models.Model):
    """A contract: who holds it and who is insured by it."""

    id = models.BigAutoField(primary_key=True)
    policy_no = models.CharField(max_length=22, unique=True)
    product_code = models.CharField(max_length=8)
    unit = models.ForeignKey(Unit, models.PROTECT)
    holder = models.ForeignKey(Customer, models.PROTECT, related_name="policies")
    insured = models.ForeignKey(Customer, models.PROTECT, related_name="insurances")
    insured_name = models.CharField(max_length=60)
    insured_id_no = models.CharField(max_length=18)
    insured_phone = models.CharField(max_length=11, null=True)
    relation = models.CharField(max_length=10)
    sum_insured = models.DecimalField(max_digits=14, decimal_places=2)
    premium = models.DecimalField(max_digits=12, decimal_places=2)
    starts_on = models.DateField()
    ends_on = models.DateField()
    status = models.CharField(max_length=10, default="in_force")

    class Meta:
        db_table = "policy"


class Note(models.Model):
    """A table of Django's own, which pgmask does not protect."""

    text = models.CharField(max_length=200)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "web_note"
